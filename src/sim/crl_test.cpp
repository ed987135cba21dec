// Revocation lists from the model's key service through client, store and import into the table:
// what is taken, what is refused, and that an older list never replaces a newer one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/certificate_table.hpp"
#include "base/temporary_directory.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/hash.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "host/crl_check.hpp"
#include "host/crl_refresher.hpp"
#include "host/provider.hpp"
#include "host/store_import.hpp"
#include "host/store_sqlite.hpp"
#include "sim/model_kds.hpp"

namespace extreq::sim {
namespace {

using namespace std::chrono_literals;
using attestation::Product;
using crypto::RevocationListContent;
using host::KeyKind;
using testing::HasSubstr;

class CrlTest : public testing::Test {
 protected:
  CrlTest() {
    firmware::model::Installation installation;
    installation.keys = firmware::model::test_authority_keys();
    processor_ =
        firmware::model::SecureProcessor::in_memory(installation, {.clock = &clock_}).value();
    kds_ = std::make_unique<ModelKds>(processor_->kds(), ModelKdsOptions{.clock = &clock_});
    http_ = std::make_unique<ModelKdsHttp>(*kds_, clock_);
    client_ = std::make_unique<host::KdsClient>(*http_, host::KdsOptions{.clock = &clock_});
    store_ = host::SqliteStore::open(directory_.path() + "/certificates.db").value();
    EXPECT_TRUE(anchors_.add(ark()));
    refresher_ = std::make_unique<host::CrlRefresher>(
        *store_, *client_, anchors_,
        host::CrlRefreshOptions{.interval = 1h, .first_pause = 10s, .clock = &clock_});
  }

  const crypto::Certificate& ark() { return processor_->kds().ark(); }
  void plan(const char* fault) { kds_->faults().add(parse_kds_fault(fault).value()); }
  auto refresh() { return refresher_->refresh(Product::milan, KeyKind::vcek); }
  std::optional<host::StoredCrl> stored(KeyKind kind = KeyKind::vcek) {
    return store_->crl(Product::milan, kind, crypto::sha256(ark().der())).value();
  }
  std::string refusal() {
    const auto done = refresh();
    return done ? "taken" : done.error().message;
  }

  // A list as the ARK would issue it now.
  RevocationListContent content(std::uint64_t number) {
    return {.issuer_der = ark().subject_der(),
            .this_update = clock_.utc() - 1h,
            .next_update = clock_.utc() + 24h,
            .number = number,
            .entries = {},
            .indirect = false,
            .extensions = {}};
  }
  crypto::RevocationList issue(const RevocationListContent& what) {
    return issue_revocation_list(what, *processor_->kds().authority().keys().ark).value();
  }
  std::string check(const crypto::RevocationList& list) {
    const auto done = host::check_crl(list, Product::milan, KeyKind::vcek, {&ark(), 1}, anchors_,
                                      clock_.utc(), host::Freshness::valid_now);
    return done ? "taken" : done.error().message;
  }
  host::ImportResult import_lists(const std::vector<host::ImportedList>& lists) {
    return host::import_certificates(*store_, {}, lists, anchors_, clock_.utc()).value();
  }
  // The list in the table that guests get.
  std::optional<Bytes> served(const host::ProviderOptions& options) {
    host::TableProvider provider(*store_, client_.get(), anchors_, options);
    const auto table = provider.table_for(host::read_signing_state(*processor_).value()).value();
    EXPECT_LE(table.size(), options.table_size_limit);
    const auto parsed = attestation::CertificateTable::parse(table).value();
    const auto list = parsed.find(abi::ghcb::certificate_table::guid_crl);
    if (!list) return std::nullopt;
    return Bytes(list->begin(), list->end());
  }
  std::optional<Bytes> served() { return served({.clock = &clock_}); }

  ManualClock clock_{std::chrono::sys_seconds(1'790'000'000s)};
  TemporaryDirectory directory_ = TemporaryDirectory::create("extreq-crl").value();
  std::unique_ptr<firmware::model::SecureProcessor> processor_;
  std::unique_ptr<ModelKds> kds_;
  std::unique_ptr<ModelKdsHttp> http_;
  std::unique_ptr<host::KdsClient> client_;
  std::unique_ptr<host::CertificateStore> store_;
  attestation::TrustAnchors anchors_;
  std::unique_ptr<host::CrlRefresher> refresher_;
};

TEST_F(CrlTest, WhatTheServiceHasIsVerifiedStoredAndServed) {
  EXPECT_FALSE(served());
  const auto done = refresh();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->changed);
  EXPECT_EQ(stored(), done->crl);
  EXPECT_EQ(served(), done->crl.der);
  EXPECT_FALSE(stored(KeyKind::vlek)) << "each kind has a list of its own";
}

TEST_F(CrlTest, TheSameListAgainIsNoNews) {
  ASSERT_TRUE(refresh());
  EXPECT_FALSE(refresh()->changed);
  clock_.advance(std::chrono::hours(24));
  const auto next = refresh();
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_TRUE(next->changed);
}

TEST_F(CrlTest, AnOlderListNeverReplacesANewerOne) {
  ASSERT_TRUE(refresh());
  const auto kept = stored();
  plan("older@crl");
  EXPECT_THAT(refusal(), HasSubstr("KDS gave an older list"));
  EXPECT_EQ(stored(), kept);
}

struct BadAnswer {
  const char* name;
  const char* script;
  const char* said;
};

class CrlFaultTest : public CrlTest, public testing::WithParamInterface<BadAnswer> {};

TEST_P(CrlFaultTest, LeavesStoreAndTableTrueAndSaysWhatHappened) {
  ASSERT_TRUE(refresh());
  const auto kept = stored();
  const auto before = served();
  plan(GetParam().script);
  EXPECT_THAT(refusal(), HasSubstr(GetParam().said));
  EXPECT_EQ(stored(), kept);
  EXPECT_EQ(served(), before);
  kds_->faults().clear();
  clock_.advance(1h);
  EXPECT_TRUE(refresh()) << "and goes on when the service is well again";
}

INSTANTIATE_TEST_SUITE_P(
    Each, CrlFaultTest,
    testing::Values(BadAnswer{"TooManyRequests", "429:600*0@crl", "Retry-After 600"},
                    BadAnswer{"Unavailable", "503*0@crl", "status 503"},
                    BadAnswer{"NotFound", "404@crl", "no such list (404)"},
                    BadAnswer{"TimeOut", "slow:3600*0@crl", "no answer in time"},
                    BadAnswer{"HalfAnAnswer", "truncated*0@crl", "the connection closed after"},
                    BadAnswer{"WebPage", "garbage@crl", "no CRL"},
                    BadAnswer{"Huge", "huge@crl", "more than 1048576 bytes"},
                    BadAnswer{"Expired", "expired@crl", "was fresh until"},
                    BadAnswer{"OtherRoot", "other-root@crl", "did not sign it"}),
    [](const auto& fault) { return std::string(fault.param.name); });

TEST_F(CrlTest, OnlyATrustedRootOfTheProductMaySign) {
  const auto list = issue(content(7));
  EXPECT_EQ(check(list), "taken");
  const attestation::TrustAnchors amd_alone;
  const auto untrusted = host::check_crl(list, Product::milan, KeyKind::vcek, {&ark(), 1},
                                         amd_alone, clock_.utc(), host::Freshness::valid_now);
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().code, Code::not_genuine);
  EXPECT_THAT(untrusted.error().message, HasSubstr("no trusted root has that name"));
  EXPECT_FALSE(host::check_crl(list, Product::genoa, KeyKind::vcek, {&ark(), 1}, anchors_,
                               clock_.utc(), host::Freshness::valid_now));
}

TEST_F(CrlTest, AListInTheNameOfAnotherIsRefused) {
  auto what = content(7);
  what.issuer_der = processor_->kds().ask().subject_der();
  EXPECT_THAT(check(issue(what)), HasSubstr("no trusted root has that name"));
}

TEST_F(CrlTest, ASignatureWithOneBitChangedIsNone) {
  Bytes der = issue(content(7)).der();
  der.back() ^= 1U;
  const auto list = crypto::RevocationList::from_pem_or_der(der);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_THAT(check(*list), HasSubstr("did not sign it"));
}

TEST_F(CrlTest, AListNeedsANumberAndAnEnd) {
  auto what = content(7);
  what.number.reset();
  EXPECT_THAT(check(issue(what)), HasSubstr("has no number"));
  what = content(7);
  what.next_update.reset();
  EXPECT_THAT(check(issue(what)), HasSubstr("does not say until when"));
}

TEST_F(CrlTest, AClockThatWasSetBackRefusesNewListsAndServesStoredOnes) {
  const auto list = issue(content(7));
  ASSERT_EQ(import_lists({{list, KeyKind::vcek}}).stored.size(), 1U);
  const auto now = clock_.utc() - std::chrono::days(3);
  const auto check_then = [&](host::Freshness freshness) {
    return host::check_crl(list, Product::milan, KeyKind::vcek, {&ark(), 1}, anchors_, now,
                           freshness);
  };
  const auto refused = check_then(host::Freshness::valid_now);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("this machine's clock says"));
  EXPECT_TRUE(check_then(host::Freshness::not_expired));
  ASSERT_TRUE(served());
  ManualClock earlier(now);
  EXPECT_EQ(served({.clock = &earlier}), list.der());
}

TEST_F(CrlTest, AStaleListIsNotServed) {
  ASSERT_EQ(import_lists({{issue(content(7)), KeyKind::vcek}}).stored.size(), 1U);
  EXPECT_TRUE(served());
  clock_.advance(25h);
  EXPECT_FALSE(served());
  EXPECT_TRUE(stored()) << "its number is still known";
}

TEST_F(CrlTest, WhatSomebodyWroteIntoTheStoreIsNotServed) {
  auto crl = host::check_crl(issue(content(7)), Product::milan, KeyKind::vcek, {&ark(), 1},
                             anchors_, clock_.utc(), host::Freshness::valid_now)
                 .value();
  crl.der.back() ^= 1U;
  ASSERT_TRUE(store_->put_crl(crl));
  EXPECT_FALSE(served());
}

TEST_F(CrlTest, ATableThatIsTooLargeLosesTheListFirst) {
  auto what = content(7);
  for (unsigned i = 0; i < 1000; ++i) {
    what.entries.push_back(
        {{1, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}, {}});
  }
  ASSERT_EQ(import_lists({{issue(what), KeyKind::vcek}}).stored.size(), 1U);
  EXPECT_TRUE(served({.table_size_limit = 65536, .clock = &clock_}));
  const auto table = host::TableProvider(*store_, client_.get(), anchors_, {.clock = &clock_})
                         .table_for(host::read_signing_state(*processor_).value())
                         .value();
  const auto parsed = attestation::CertificateTable::parse(table).value();
  EXPECT_FALSE(parsed.find(abi::ghcb::certificate_table::guid_crl));
  EXPECT_TRUE(parsed.find(abi::ghcb::certificate_table::guid_ark)) << "the list goes first";
}

TEST_F(CrlTest, ImportsTakeTheNewerAndRefuseTheOlderAndTheForged) {
  const auto done = import_lists({{issue(content(7)), KeyKind::vcek},
                                  {issue(content(6)), KeyKind::vcek},
                                  {issue(content(6)), KeyKind::vlek}});
  EXPECT_EQ(done.stored.size(), 2U);
  ASSERT_EQ(done.refused.size(), 1U);
  EXPECT_THAT(done.refused[0], HasSubstr("the store has a newer one"));
  EXPECT_EQ(stored()->number, Bytes{7});
  EXPECT_EQ(stored(KeyKind::vlek)->number, Bytes{6});
  const attestation::TrustAnchors amd_alone;
  const std::vector<host::ImportedList> lists{{issue(content(9)), KeyKind::vcek}};
  const auto untrusted =
      host::import_certificates(*store_, {&ark(), 1}, lists, amd_alone, clock_.utc()).value();
  EXPECT_TRUE(untrusted.stored.empty());
  EXPECT_EQ(stored()->number, Bytes{7});
}

TEST_F(CrlTest, ItIsAskedForOnItsOwnClock) {
  const auto turn = [&] { return refresher_->refresh_if_due(Product::milan, KeyKind::vcek); };
  ASSERT_TRUE(turn());
  const auto asked = kds_->asked();
  clock_.advance(59min);
  EXPECT_FALSE(turn());
  EXPECT_EQ(kds_->asked(), asked);
  EXPECT_EQ(refresher_->pause(Product::milan, KeyKind::vcek), 1min);
  clock_.advance(1min);
  EXPECT_TRUE(turn());
  EXPECT_GT(kds_->asked(), asked);
}

TEST_F(CrlTest, AfterFailuresItIsAskedForLessAndLess) {
  plan("404*0@crl");
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 10; ++i) {
    const auto done = refresher_->refresh_if_due(Product::milan, KeyKind::vcek);
    ASSERT_TRUE(done && !*done);
    const auto pause = refresher_->pause(Product::milan, KeyKind::vcek);
    pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(pause).count());
    clock_.advance(pause);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600}));
}

}  // namespace
}  // namespace extreq::sim
