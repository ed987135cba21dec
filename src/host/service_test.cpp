#include "host/service.hpp"

#include <gmock/gmock.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "crypto/crl_builder.hpp"
#include "host/test_platform.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    options_.interval = 5s;
    options_.lock_wait = 50ms;
    options_.patience = {5s, 20s};
    options_.clock = &clock_;
  }

  // Counts, and fails as long as `outage`.
  CertificateProvider provider() {
    return [this](const SigningState& state) -> Result<Bytes> {
      if (!outage_) return platform_.provider()(state);
      ++refused_;
      return fail(Code::io, "the key service does not answer");
    };
  }

  TestPlatform platform_;
  ManualClock clock_;
  lease::BlobWriter writer_{platform_.blob()};
  ServiceOptions options_;
  bool outage_ = false;
  int refused_ = 0;
};

TEST_F(ServiceTest, TheBlobFollowsThePlatform) {
  Service service(writer_, platform_.processor(), provider(), options_);
  EXPECT_FALSE(service.healthy());
  EXPECT_EQ(service.step(), 5s);
  EXPECT_TRUE(service.healthy());
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  EXPECT_EQ(service.step(), 5s);
  EXPECT_TRUE(service.healthy());
  EXPECT_EQ(service.view().publications, 2U);
  EXPECT_EQ(service.view().mismatches_prevented, 1U);
  EXPECT_TRUE(check_fits(*platform_.served(), read_signing_state(platform_.processor()).value()));
}

TEST_F(ServiceTest, InAnOutageItAsksLessAndLess) {
  outage_ = true;
  Service service(writer_, platform_.processor(), provider(), options_);
  std::vector<int> asked_at;
  for (int second = 0; second <= 60; ++second) {
    const int before = refused_;
    service.step();
    if (refused_ != before) asked_at.push_back(second);
    clock_.advance(1s);
  }
  EXPECT_EQ(asked_at, (std::vector<int>{0, 5, 15, 35, 55}));
  EXPECT_FALSE(service.healthy());
  EXPECT_THAT(service.view().last->problem->message, testing::HasSubstr("asked again in"));
}

TEST_F(ServiceTest, AfterAnOutageGuestsGetTheirTable) {
  outage_ = true;
  Service service(writer_, platform_.processor(), provider(), options_);
  clock_.advance(service.step());
  outage_ = false;
  service.step();
  EXPECT_TRUE(service.healthy());
}

TEST_F(ServiceTest, AnotherStateIsAskedForAtOnce) {
  outage_ = true;
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  outage_ = false;
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  service.step();
  EXPECT_TRUE(service.healthy());
}

TEST_F(ServiceTest, WhatFitsIsRenewedOnlyAtTheRenewalsTime) {
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  const int asked = platform_.asked;
  clock_.advance(59min);
  service.step();
  EXPECT_EQ(platform_.asked, asked);
  clock_.advance(1min);
  service.step();
  EXPECT_EQ(platform_.asked, asked + 1);
  EXPECT_TRUE(service.healthy());
}

TEST_F(ServiceTest, NewsRenewATableThatFits) {
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  const int asked = platform_.asked;
  service.renew();
  service.step();
  EXPECT_EQ(platform_.asked, asked + 1);
  service.step();
  EXPECT_EQ(platform_.asked, asked + 1) << "once";
}

TEST_F(ServiceTest, ATableIsRenewedAsSoonAsItsCrlIsStale) {
  const auto end = clock_.utc() + std::chrono::minutes(10);
  crypto::RevocationListContent content;
  content.issuer_der = platform_.processor().kds().ark().subject_der();
  content.this_update = clock_.utc();
  content.next_update = end;
  content.number = 1;
  const auto list =
      crypto::issue_revocation_list(content, *platform_.processor().kds().authority().keys().ark)
          .value();
  const auto with_list = [&](const SigningState& state) -> Result<Bytes> {
    const auto plain = attestation::CertificateTable::parse(platform_.provider()(state).value());
    attestation::CertificateTableBuilder builder;
    for (const auto& entry : plain->entries()) EXPECT_TRUE(builder.add(entry.guid, entry.data));
    if (clock_.utc() <= end) {
      EXPECT_TRUE(builder.add(abi::ghcb::certificate_table::guid_crl, list.der()));
    }
    return builder.build();
  };
  Service service(writer_, platform_.processor(), with_list, options_);
  service.step();
  EXPECT_EQ(service.view().crl_end, end);
  clock_.advance(10min);
  service.step();
  EXPECT_EQ(service.view().publications, 1U);
  clock_.advance(1s);
  service.step();
  EXPECT_EQ(service.view().publications, 2U);
  EXPECT_FALSE(service.view().crl_end);
  EXPECT_TRUE(service.healthy());
}

TEST_F(ServiceTest, WhatACommitLeadsToIsFetchedBefore) {
  std::vector<std::uint64_t> fetched;
  options_.prefetch = [&](const SigningState& next) { fetched.push_back(next.reported_tcb); };
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  service.step();
  EXPECT_EQ(fetched, std::vector{attestation::encode_tcb(tcb_new)});
  ASSERT_TRUE(platform_.processor().commit());
  service.step();
  EXPECT_EQ(fetched.size(), 1U) << "there is nothing to come";
}

TEST_F(ServiceTest, APrefetchIsAskedForAgainAtTheRenewalsTime) {
  int asked = 0;
  options_.prefetch = [&](const SigningState&) { ++asked; };
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  clock_.advance(59min);
  service.step();
  EXPECT_EQ(asked, 1);
  clock_.advance(1min);
  service.step();
  EXPECT_EQ(asked, 2);
}

TEST_F(ServiceTest, AsLongAsGuestsHaveNoneNothingIsPrefetched) {
  outage_ = true;
  int asked = 0;
  options_.prefetch = [&](const SigningState&) { ++asked; };
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  EXPECT_EQ(asked, 0);
}

TEST_F(ServiceTest, APlatformThatDoesNotAnswerChangesNothing) {
  Service service(writer_, platform_.processor(), provider(), options_);
  service.step();
  const auto served = platform_.served();
  platform_.processor().faults().fail_platform_commands(
      abi::snp::CommandStatus::hardware_error_platform, 1);
  EXPECT_EQ(service.step(), 5s);
  EXPECT_FALSE(service.healthy());
  EXPECT_TRUE(service.view().platform_error);
  EXPECT_EQ(platform_.served(), served);
  service.step();
  EXPECT_TRUE(service.healthy());
}

}  // namespace
}  // namespace extreq::host
