#include "fleet/upstream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/sqlite_records.hpp"
#include "fleet/test_service.hpp"

namespace extreq::fleet {
namespace {

using namespace std::chrono_literals;
using attestation::Product;
using host::KeyKind;
using testing::HasSubstr;

constexpr const char* chain_path = "/vcek/v1/Milan/cert_chain";
constexpr const char* crl_path = "/vcek/v1/Milan/crl";

class UpstreamTest : public testing::Test {
 protected:
  Upstream::Options options() {
    Upstream::Options options;
    options.base_url = TestService::url;
    options.anchors = service_.anchors();
    options.clock = &clock_;
    return options;
  }
  Result<host::StoredCrl> fetch_crl() { return upstream_.fetch_crl(Product::milan, KeyKind::vcek); }

  ManualClock clock_{std::chrono::sys_seconds(1'790'000'000s)};
  TestService service_{clock_};
  TestStore place_;
  host::CertificateStore& store_ = *place_.store;
  std::unique_ptr<SqliteRecords> records_ =
      SqliteRecords::open(place_.folder.path() + "/store.db").value();
  Upstream upstream_{service_, store_, *records_, options()};
};

TEST_F(UpstreamTest, ALeafIsStoredWithItsChainWhichIsFetchedOnce) {
  for (const std::uint8_t microcode : {std::uint8_t{1}, std::uint8_t{2}}) {
    const auto fetched = upstream_.fetch_leaf(service_.key(microcode));
    ASSERT_EQ(fetched.outcome.kind, Outcome::Kind::stored) << fetched.problem;
    EXPECT_EQ(store_.leaves(service_.key(microcode)).value(), std::vector{*fetched.leaf});
  }
  EXPECT_EQ(service_.asked(chain_path), 1);
  EXPECT_EQ(upstream_.status_counts(), (std::map<int, std::uint64_t>{{200, 3}}));
}

TEST_F(UpstreamTest, WhatIsNotTheCertificateThatWasAskedForIsNeverStored) {
  Bytes damaged = service_.leaf(1).der();
  damaged.back() ^= 1U;
  auto other_chip = service_.key(1);
  other_chip.holder[0] ^= 1U;
  const std::pair<host::CertificateKey, TestService::Answer> wrong[] = {
      {service_.key(1), TestService::body(service_.leaf(2).der())},
      {other_chip, TestService::body(service_.leaf(1).der())},
      {service_.key(1), TestService::body(damaged)},
      {service_.key(1), TestService::body(service_.ark().der())},
      {service_.key(1), TestService::body(to_bytes("<html>"))},
      {service_.key(1), TestService::body({})},
      {service_.key(1), fail(Code::io, "the connection closed")},
  };
  for (const auto& [key, answer] : wrong) {
    service_.plan("SPL", {answer});
    const auto fetched = upstream_.fetch_leaf(key);
    EXPECT_EQ(fetched.outcome.kind, Outcome::Kind::again);
    EXPECT_FALSE(fetched.problem.empty());
  }
  EXPECT_TRUE(store_.content()->leaves.empty());
}

TEST_F(UpstreamTest, ACertificateOutOfItsTimeIsNotStored) {
  const auto leaf = service_.leaf(1);
  service_.plan("SPL", {TestService::body(leaf.der())});
  clock_.advance(leaf.not_after() + 1s - clock_.utc());
  const auto fetched = upstream_.fetch_leaf(service_.key(1));
  EXPECT_EQ(fetched.outcome.kind, Outcome::Kind::again);
  EXPECT_TRUE(store_.content()->leaves.empty());
}

TEST_F(UpstreamTest, AChainOfAnotherRootIsRefused) {
  auto options = this->options();
  options.anchors = {};  // AMD's alone
  Upstream upstream(service_, store_, *records_, options);
  const auto fetched = upstream.fetch_leaf(service_.key(1));
  EXPECT_EQ(fetched.outcome.kind, Outcome::Kind::again);
  EXPECT_THAT(fetched.problem, HasSubstr("not trusted"));
  EXPECT_TRUE(store_.content()->authorities.empty());
}

TEST_F(UpstreamTest, A404IsFinalAndA429HasItsSilence) {
  service_.plan("SPL", {TestService::status(404)});
  EXPECT_EQ(upstream_.fetch_leaf(service_.key(1)).outcome.kind, Outcome::Kind::absent);
  service_.plan("SPL", {TestService::status(429, "30")});
  const auto limited = upstream_.fetch_leaf(service_.key(1)).outcome;
  EXPECT_EQ(limited.kind, Outcome::Kind::again);
  EXPECT_EQ(limited.silence, 30s);
  service_.plan("SPL", {TestService::status(503, "86400")});
  EXPECT_EQ(upstream_.fetch_leaf(service_.key(1)).outcome.silence, 15min) << "at most so long";
}

TEST_F(UpstreamTest, NothingElseIsAskedForWithinTheServicesSilence) {
  service_.plan("SPL", {TestService::status(503, "30")});
  (void)upstream_.fetch_leaf(service_.key(1));
  clock_.advance(29s);
  const auto refused = upstream_.fetch_chain(Product::milan, KeyKind::vcek);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::busy);
  EXPECT_EQ(service_.asked(chain_path), 0);
  clock_.advance(1s);
  EXPECT_TRUE(upstream_.fetch_chain(Product::milan, KeyKind::vcek));
}

TEST_F(UpstreamTest, ACrlIsStoredUnderTheRootThatSignedIt) {
  const auto list = service_.serve_crl(7, 72h);
  const auto crl = fetch_crl();
  ASSERT_TRUE(crl) << crl.error().message;
  EXPECT_EQ(crl->der, list.der());
  EXPECT_EQ(crl->number, Bytes{7});
  EXPECT_EQ(crl->next_update, clock_.utc() + 72h);
  EXPECT_EQ(store_.crl(Product::milan, KeyKind::vcek, crypto::sha256(service_.ark().der())).value(),
            *crl);
  EXPECT_EQ(upstream_.stored_crl(Product::milan, KeyKind::vcek).value(), *crl);
  EXPECT_EQ(upstream_.stored_crl(Product::milan, KeyKind::vlek).value(), std::nullopt);
}

TEST_F(UpstreamTest, AnOlderCrlOfTheServiceNeverReplacesANewerOne) {
  const auto newer = service_.serve_crl(8, 72h);
  ASSERT_TRUE(fetch_crl());
  clock_.advance(1h);
  service_.serve_crl(7, 72h);
  const auto kept = fetch_crl();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->der, newer.der());
}

TEST_F(UpstreamTest, ACrlThatNoTrustedRootSignedIsRefused) {
  crypto::RevocationListContent content;
  content.issuer_der = service_.ark().subject_der();
  content.this_update = clock_.utc();
  content.number = 1;
  const auto& ask_key = service_.kds().authority().ask_key();
  service_.plan("/crl",
                {TestService::body(crypto::issue_revocation_list(content, ask_key)->der())});
  const auto crl = fetch_crl();
  ASSERT_FALSE(crl);
  EXPECT_EQ(crl.error().code, Code::not_genuine);
  EXPECT_TRUE(store_.content()->crls.empty());
}

TEST_F(UpstreamTest, ADamagedCrlIsRefused) {
  const auto list = service_.serve_crl(7, 72h);
  for (std::size_t at = 0; at < list.der().size(); at += 13) {
    Bytes damaged = list.der();
    damaged[at] ^= 1U;
    service_.plan("/crl", {TestService::body(damaged)});
    EXPECT_FALSE(fetch_crl()) << "byte " << at;
  }
  service_.plan("/crl", {TestService::body(Bytes(100, 0x30))});
  EXPECT_FALSE(fetch_crl());
  EXPECT_TRUE(store_.content()->crls.empty());
}

TEST_F(UpstreamTest, ACrlWithoutNumberOrEndIsKeptAndCountsAsTheOldestAndOver) {
  crypto::RevocationListContent content;
  content.issuer_der = service_.ark().subject_der();
  content.this_update = clock_.utc();
  const auto& key = *service_.kds().authority().keys().ark;
  service_.plan("/crl", {TestService::body(crypto::encode_revocation_list(content, key).value())});
  const auto crl = fetch_crl();
  ASSERT_TRUE(crl) << crl.error().message;
  EXPECT_EQ(crl->number, Bytes{0});
  EXPECT_EQ(crl->next_update, clock_.utc());
  const auto numbered = service_.serve_crl(1, 72h);
  EXPECT_EQ(fetch_crl()->der, numbered.der());
  EXPECT_EQ(service_.asked(crl_path), 2);
}

}  // namespace
}  // namespace extreq::fleet
