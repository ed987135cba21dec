// The key service's client, the store and the table's provider against the model's key service:
// what a host makes of each of the service's faults.
#include "sim/model_kds.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/certificate_table.hpp"
#include "base/temporary_directory.hpp"
#include "crypto/hash.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "host/http_curl.hpp"
#include "host/provider.hpp"
#include "host/store_import.hpp"
#include "host/store_sqlite.hpp"
#include "host/update_plan.hpp"
#include "sim/model_kds_server.hpp"

namespace extreq::sim {
namespace {

using namespace std::chrono_literals;
using attestation::Product;
using firmware::model::SecureProcessor;
using host::KeyKind;
using testing::AllOf;
using testing::HasSubstr;

constexpr attestation::Tcb tcb_old{std::nullopt, 3, 0, 20, 200};
constexpr attestation::Tcb tcb_new{std::nullopt, 4, 0, 22, 213};

class ModelKdsTest : public testing::Test {
 protected:
  ModelKdsTest() {
    firmware::model::Installation installation;
    installation.keys = firmware::model::test_authority_keys();
    auto image = firmware::model::usual_firmware(Product::milan);
    image.tcb = tcb_new;
    installation.firmware = image;
    installation.reported_tcb = tcb_old;
    processor_ = SecureProcessor::in_memory(installation, {.clock = &clock_}).value();
    kds_ = std::make_unique<ModelKds>(processor_->kds(), ModelKdsOptions{.clock = &clock_});
    http_ = std::make_unique<ModelKdsHttp>(*kds_, clock_);
    client_ = std::make_unique<host::KdsClient>(*http_, host::KdsOptions{.clock = &clock_});
    store_ = host::SqliteStore::open(directory_.path() + "/certificates.db").value();
    EXPECT_TRUE(anchors_.add(processor_->kds().ark()));
    provider_ = std::make_unique<host::TableProvider>(*store_, client_.get(), anchors_,
                                                      host::ProviderOptions{.clock = &clock_});
  }

  void plan(const char* fault) { kds_->faults().add(parse_kds_fault(fault).value()); }
  host::SigningState state() { return host::read_signing_state(*processor_).value(); }
  host::CertificateKey key() { return host::key_for(state()).value(); }
  std::size_t stored() { return store_->content()->leaves.size(); }
  host::UpdateTransaction transaction() {
    return {writer_, *processor_, provider_->provider(), clock_};
  }
  // What the blob has; none: nothing, or an empty table.
  bool blob_is_true() {
    const auto blob = read_blob();
    return !lease::is_empty_table(blob) && host::check_fits(blob, state()).has_value();
  }
  Bytes read_blob() {
    lease::BlobWriter reader(writer_.path());
    return reader.begin(1s).value().content().value();
  }

  ManualClock clock_{std::chrono::sys_seconds(1'790'000'000s)};
  TemporaryDirectory directory_ = TemporaryDirectory::create("extreq-kds").value();
  std::unique_ptr<SecureProcessor> processor_;
  std::unique_ptr<ModelKds> kds_;
  std::unique_ptr<ModelKdsHttp> http_;
  std::unique_ptr<host::KdsClient> client_;
  std::unique_ptr<host::CertificateStore> store_;
  attestation::TrustAnchors anchors_;
  std::unique_ptr<host::TableProvider> provider_;
  lease::BlobWriter writer_{directory_.path() + "/host.blob"};
};

TEST_F(ModelKdsTest, ATableIsFetchedOnceThenServedFromTheStore) {
  const auto table = provider_->table_for(state());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(host::check_fits(*table, state()));
  EXPECT_EQ(kds_->asked(), 2U) << "leaf and chain";
  EXPECT_EQ(provider_->table_for(state()).value(), *table);
  EXPECT_EQ(kds_->asked(), 2U);
  host::TableProvider offline(*store_, nullptr, anchors_, {.clock = &clock_});
  EXPECT_EQ(offline.table_for(state()).value(), *table);
}

TEST_F(ModelKdsTest, ASecondTcbNeedsNoSecondChain) {
  ASSERT_TRUE(provider_->prefetch(key()));
  auto next = key();
  next.tcb = tcb_new;
  ASSERT_TRUE(provider_->prefetch(next));
  EXPECT_EQ(kds_->asked(), 3U);
}

TEST_F(ModelKdsTest, TooManyRequestsAreAnsweredWithPatience) {
  plan("429:30*2@leaf");
  const auto before = clock_.now();
  EXPECT_TRUE(client_->leaf(key(), 100s));
  EXPECT_EQ(kds_->asked(), 3U);
  EXPECT_GE(clock_.now() - before, 60s);
  EXPECT_EQ(client_->status_counts().at(429), 2U);
  EXPECT_EQ(client_->status_counts().at(200), 1U);
}

TEST_F(ModelKdsTest, ADateInRetryAfterIsObeyed) {
  KdsFault fault;
  fault.retry_after = "Mon, 21 Sep 2026 14:14:00 GMT";  // 40 s after the clock's 1790000000
  ASSERT_EQ(clock_.utc().time_since_epoch(), 1'790'000'000s);
  kds_->faults().add(fault);
  const auto before = clock_.now();
  EXPECT_TRUE(client_->leaf(key(), 100s));
  EXPECT_EQ(clock_.now() - before, 40s);
}

TEST_F(ModelKdsTest, ARetryAfterBeyondTheDeadlineEndsTheWaitAtOnce) {
  plan("429:120*0");
  const auto before = clock_.now();
  const auto leaf = client_->leaf(key(), 60s);
  ASSERT_FALSE(leaf);
  EXPECT_EQ(leaf.error().code, Code::busy);
  EXPECT_THAT(leaf.error().message, AllOf(HasSubstr("status 429 with Retry-After 120"),
                                          HasSubstr("120.0 s at the earliest")));
  EXPECT_EQ(clock_.now(), before);
  EXPECT_FALSE(client_->cert_chain(Product::milan, KeyKind::vcek, 60s))
      << "nothing is asked while the service wants to be left alone";
  EXPECT_EQ(kds_->asked(), 1U);
}

TEST_F(ModelKdsTest, AnAbsurdRetryAfterIsBounded) {
  plan("503:999999999@leaf");
  const auto before = clock_.now();
  EXPECT_TRUE(client_->leaf(key(), 1h));
  EXPECT_EQ(clock_.now() - before, 15min);
}

TEST_F(ModelKdsTest, NotFoundIsFinalAndSaysWhatWasAskedFor) {
  plan("404@leaf");
  const auto leaf = client_->leaf(key(), 600s);
  ASSERT_FALSE(leaf);
  EXPECT_EQ(leaf.error().code, Code::not_found);
  EXPECT_EQ(kds_->asked(), 1U);
  EXPECT_THAT(leaf.error().message,
              AllOf(HasSubstr("product Milan"),
                    HasSubstr("chip id of 64 bytes " + to_hex(processor_->kds().chip_id())),
                    HasSubstr("bootloader 3 (blSPL), TEE 0 (teeSPL), SNP 20 (snpSPL), microcode "
                              "200 (ucodeSPL)"),
                    HasSubstr("not the current one")));
}

TEST_F(ModelKdsTest, OtherRefusalsAreFinalToo) {
  plan("302@leaf");
  EXPECT_EQ(client_->leaf(key(), 600s).error().code, Code::io);
  plan("400@leaf");
  EXPECT_THAT(client_->leaf(key(), 600s).error().message, HasSubstr("status 400"));
  EXPECT_EQ(kds_->asked(), 2U);
}

TEST_F(ModelKdsTest, LeavesAreRationedChainsAreNot) {
  const auto before = clock_.now();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(client_->leaf(key(), 100s));
  EXPECT_EQ(clock_.now() - before, 20s) << "two at once, then one in ten seconds";
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(client_->cert_chain(Product::milan, KeyKind::vcek, 1s));
  }
  EXPECT_EQ(clock_.now() - before, 20s);
}

struct Fault {
  const char* name;
  const char* script;
  const char* said;
};

class KdsFaultTest : public ModelKdsTest, public testing::WithParamInterface<Fault> {};

TEST_P(KdsFaultTest, LeavesStoreAndBlobTrueAndSaysWhatHappened) {
  auto update = transaction();
  ASSERT_TRUE(update.publish_current(1s));
  ASSERT_TRUE(blob_is_true());
  const Bytes blob = read_blob();
  ASSERT_EQ(stored(), 1U);
  plan(GetParam().script);
  bool ran = false;
  const auto planned = host::plan_config(*processor_, {tcb_new, {}, {}});
  const auto noted = [&](const host::PlatformState& before) {
    auto change = planned(before);
    if (change) {
      change->command = [&](int) {
        ran = true;
        return Status{};
      };
    }
    return change;
  };
  const auto report = update.run(noted, 1s);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr(GetParam().said));
  EXPECT_FALSE(ran) << "nothing may change before the next certificates are at hand";
  EXPECT_EQ(stored(), 1U);
  EXPECT_EQ(read_blob(), blob);
  EXPECT_TRUE(blob_is_true());
  // And when the service is well again, the same update goes through.
  kds_->faults().clear();
  clock_.advance(1h);
  const auto again = update.run(planned, 1s);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->no_certificates);
  EXPECT_TRUE(blob_is_true());
  EXPECT_EQ(stored(), 2U);
}

INSTANTIATE_TEST_SUITE_P(
    Each, KdsFaultTest,
    testing::Values(Fault{"TooManyRequests", "429:600*0", "status 429 with Retry-After 600"},
                    Fault{"Unavailable", "503*0", "status 503 without Retry-After"},
                    Fault{"TimeOut", "slow:3600*0", "no answer in time"},
                    Fault{"HalfAnAnswer", "truncated*0@leaf", "the connection closed after"},
                    Fault{"WebPage", "garbage*0@leaf", "it begins \"<html>"},
                    Fault{"WrongChip", "wrong-chip*0@leaf", "answered wrongly"},
                    Fault{"WrongTcb", "wrong-tcb*0@leaf", "microcode 212"},
                    Fault{"Expired", "expired*0@leaf", "expired at"},
                    Fault{"OtherRoot", "other-root*0", "is not signed by"}),
    [](const auto& fault) { return std::string(fault.param.name); });

TEST_F(ModelKdsTest, AClockThatWasSetBackKeepsWhatIsStoredAndRefusesWhatIsNew) {
  const auto table = provider_->table_for(state());
  ASSERT_TRUE(table);
  ManualClock earlier(clock_.utc() - std::chrono::days(30));
  host::KdsClient client(*http_, {.clock = &earlier});
  host::TableProvider provider(*store_, &client, anchors_, {.clock = &earlier});
  EXPECT_EQ(provider.table_for(state()).value(), *table);
  auto next = key();
  next.tcb = tcb_new;
  const auto fetched = provider.prefetch(next);
  ASSERT_FALSE(fetched);
  EXPECT_THAT(fetched.error().message, HasSubstr("this machine's clock says"));
  EXPECT_EQ(stored(), 1U);
}

TEST_F(ModelKdsTest, AnExpiredCertificateIsFetchedAnew) {
  ASSERT_TRUE(provider_->prefetch(key()));
  clock_.advance(std::chrono::days(8 * 365));
  const auto table = provider_->table_for(state());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(stored(), 2U);
  host::TableProvider offline(*store_, nullptr, anchors_, {.clock = &clock_});
  EXPECT_TRUE(offline.table_for(state())) << "the renewed one is chosen";
}

TEST_F(ModelKdsTest, AVlekIsServedWithItsOwnChainToItsProviderAlone) {
  const auto hashstick = processor_->kds().wrap_vlek("model-provider", tcb_old).value();
  ASSERT_TRUE(processor_->vlek_load(hashstick));
  processor_->set_vlek_provider("model-provider");
  auto update = transaction();
  const auto report = update.publish_current(1s);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->no_certificates) << report->no_certificates->message;
  EXPECT_TRUE(blob_is_true());
  // A second provider's VLEK for the same TCB changes nothing for this one.
  const auto other = processor_->kds().vlek("other-provider", tcb_old).value();
  ASSERT_TRUE(store_->put_leaf(host::key_of(other).value(), other));
  EXPECT_EQ(provider_->table_for(state()).value(), read_blob());
  auto unnamed = key();
  unnamed.holder.clear();
  const auto ambiguous = provider_->prefetch(unnamed);
  ASSERT_FALSE(ambiguous);
  EXPECT_THAT(ambiguous.error().message, HasSubstr("--csp-id"));
}

TEST_F(ModelKdsTest, AHashstickOfOneProviderIsNeverServedWithTheStoredCertificateOfAnother) {
  const auto of_a = processor_->kds().vlek("A", tcb_old).value();
  ASSERT_TRUE(store_->put_leaf(host::key_of(of_a).value(), of_a));
  ASSERT_TRUE(store_->put_authority(Product::milan, KeyKind::vlek, processor_->kds().ark()));
  ASSERT_TRUE(store_->put_authority(Product::milan, KeyKind::vlek, processor_->kds().asvk()));
  host::TableProvider offline(*store_, nullptr, anchors_, {.clock = &clock_});
  host::UpdateTransaction update{writer_, *processor_, offline.provider(), clock_};
  ASSERT_TRUE(processor_->vlek_load(processor_->kds().wrap_vlek("B", tcb_old).value()));
  for (const std::string named : {"", "B"}) {
    processor_->set_vlek_provider(named);
    const auto report = update.publish_current(1s);
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->no_certificates) << "named \"" << named << "\"";
    EXPECT_THAT(report->no_certificates->message,
                HasSubstr(named.empty() ? "--csp-id" : "of provider B"));
    EXPECT_TRUE(lease::is_empty_table(read_blob()));
  }
  processor_->set_vlek_provider("A");
  EXPECT_TRUE(offline.table_for(state())) << "the store does have A's";
}

TEST_F(ModelKdsTest, ALoadOfAVlekWithoutItsProvidersNameIsRefused) {
  const auto hashstick = processor_->kds().wrap_vlek("model-provider", tcb_old).value();
  const auto before = host::read_platform_state(*processor_).value();
  const auto refused = host::plan_vlek_load(*processor_, hashstick, "")(before);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--csp-id"));
  const auto change = host::plan_vlek_load(*processor_, hashstick, "model-provider")(before);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->leads_to.csp_id, "model-provider");
}

TEST_F(ModelKdsTest, AVlekThatIsBeingLoadedIsAskedForAtTheKeyServiceThoughOneIsStored) {
  const auto hashstick = processor_->kds().wrap_vlek("model-provider", tcb_old).value();
  const auto load = [&](host::TableProvider& tables, host::AskFirst first) {
    host::UpdateTransaction update{writer_, *processor_, tables.provider(first), clock_};
    const auto report =
        update.run(host::plan_vlek_load(*processor_, hashstick, "model-provider"), 1s);
    EXPECT_TRUE(report && !report->no_certificates);
    EXPECT_TRUE(blob_is_true());
  };
  const auto answers = [&] { return client_->status_counts()[200]; };
  constexpr auto fresh = host::AskFirst::key_service_for_vlek;
  load(*provider_, fresh);
  EXPECT_EQ(stored(), 1U);
  const auto before = answers();
  load(*provider_, host::AskFirst::store);
  EXPECT_EQ(answers(), before);
  load(*provider_, fresh);
  EXPECT_EQ(answers(), before + 1);
  // The store serves only while the key service is silent.
  plan("503*0");
  load(*provider_, fresh);
  EXPECT_EQ(answers(), before + 1);
  host::TableProvider offline(*store_, nullptr, anchors_, {.clock = &clock_});
  load(offline, fresh);
}

TEST_F(ModelKdsTest, AVlekThatTheKeyServiceDoesNotKnowIsNotLoadedWithTheStoredCertificate) {
  const auto hashstick = processor_->kds().wrap_vlek("model-provider", tcb_old).value();
  const auto load = host::plan_vlek_load(*processor_, hashstick, "model-provider");
  const auto change = load(host::read_platform_state(*processor_).value()).value();
  ASSERT_TRUE(provider_->prefetch(host::key_for(change.leads_to).value()));
  plan("404*0@leaf");
  host::UpdateTransaction update{writer_, *processor_,
                                 provider_->provider(host::AskFirst::key_service_for_vlek), clock_};
  const auto report = update.run(load, 1s);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::not_found);
  EXPECT_FALSE(state().vlek_loaded);
}

TEST_F(ModelKdsTest, ATableThatIsTooLargeLosesTheCrlThenTheRoot) {
  const auto& kds = processor_->kds();
  host::TableParts parts{KeyKind::vcek, processor_->kds().vcek(tcb_old).value(), kds.ask(),
                         kds.ark(), Bytes(1000, 1)};
  namespace layout = abi::ghcb::certificate_table;
  const auto has = [](const Bytes& table, const attestation::Guid& guid) {
    return attestation::CertificateTable::parse(table)->find(guid).has_value();
  };
  const Bytes whole = host::make_table(parts).value();
  EXPECT_TRUE(has(whole, layout::guid_crl) && has(whole, layout::guid_ark));
  const Bytes without_crl = host::make_table(parts, whole.size() - 1).value();
  EXPECT_TRUE(!has(without_crl, layout::guid_crl) && has(without_crl, layout::guid_ark));
  const Bytes least = host::make_table(parts, without_crl.size() - 1).value();
  EXPECT_TRUE(!has(least, layout::guid_ark) && has(least, layout::guid_ask) &&
              has(least, layout::guid_vcek));
  const auto none = host::make_table(parts, least.size() - 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::too_small);
}

TEST_F(ModelKdsTest, ImportsAreVerifiedLikeAnswers) {
  auto& kds = processor_->kds();
  const auto leaf = kds.vcek(tcb_old).value();
  const std::vector files{leaf, kds.ark(), kds.ask()};
  attestation::TrustAnchors amd_alone;
  const auto refused =
      host::import_certificates(*store_, files, {}, amd_alone, clock_.utc()).value();
  EXPECT_TRUE(refused.stored.empty());
  EXPECT_EQ(refused.refused.size(), 2U);
  EXPECT_EQ(stored(), 0U);
  const auto done = host::import_certificates(*store_, files, {}, anchors_, clock_.utc()).value();
  EXPECT_EQ(done.stored.size(), 2U);
  EXPECT_TRUE(done.refused.empty());
  host::TableProvider offline(*store_, nullptr, anchors_, {.clock = &clock_});
  EXPECT_TRUE(offline.table_for(state()));
}

TEST_F(ModelKdsTest, TheServiceIsStrictAboutPathsAndParameters) {
  const auto path = host::kds_path({host::KdsObject::leaf, key()}).value();
  EXPECT_EQ(kds_->answer(path).status, 200);
  EXPECT_EQ(kds_->answer(path + "&x=1").status, 400);
  EXPECT_EQ(kds_->answer(path.substr(0, path.rfind('&'))).status, 400);
  EXPECT_EQ(kds_->answer("/vcek/v1/Genoa/cert_chain").status, 404);
  EXPECT_EQ(kds_->answer("/").status, 404);
  auto other = key();
  other.holder[0] ^= 1U;
  EXPECT_EQ(kds_->answer(host::kds_path({host::KdsObject::leaf, other}).value()).status, 404);
}

TEST(KdsFaultText, ReadsEveryFormAndRefusesOthers) {
  const auto fault = parse_kds_fault("429:30*2@leaf").value();
  EXPECT_EQ(fault.status, 429);
  EXPECT_EQ(fault.retry_after, "30");
  EXPECT_EQ(fault.times, 2U);
  EXPECT_EQ(fault.object, host::KdsObject::leaf);
  EXPECT_EQ(parse_kds_fault("slow:5")->delay, 5s);
  EXPECT_EQ(parse_kds_fault("wrong-chip*0")->kind, KdsFault::Kind::wrong_chip);
  EXPECT_EQ(parse_kds_fault("503:Sun, 06 Nov 1994 08:49:37 GMT")->retry_after,
            "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const char* const text : {"", "fast", "slow", "slow:x", "slow:3601", "99", "600", "429*x",
                                 "429@root", "429*2000000"}) {
    const auto none = parse_kds_fault(text);
    ASSERT_FALSE(none) << text;
    EXPECT_THAT(none.error().message, HasSubstr("fault \""));
  }
}

// The same over HTTP: libcurl on one side, a server on the other.
class KdsOverHttp : public ModelKdsTest {
 protected:
  std::unique_ptr<ModelKdsServer> server_ = ModelKdsServer::start(*kds_).value();
  host::CurlHttpClient curl_{host::CurlOptions{.proxy = "none"}};

  Result<host::HttpResponse> get(const host::KdsRequest& request, Clock::Duration max_wait = 10s,
                                 std::size_t limit = 65536) {
    return curl_.get(
        {host::kds_url(server_->url(), host::kds_path(request).value()), limit, max_wait});
  }
};

TEST_F(KdsOverHttp, ATableComesOverTheNetwork) {
  host::KdsClient client(curl_, {.base_url = server_->url()});
  host::TableProvider provider(*store_, &client, anchors_, {.clock = &clock_});
  const auto table = provider.table_for(state());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(host::check_fits(*table, state()));
}

TEST_F(KdsOverHttp, StatusAndRetryAfterArrive) {
  plan("429:17");
  const auto response = get({host::KdsObject::leaf, key()});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->retry_after, "17");
}

TEST_F(KdsOverHttp, HalfAnAnswerIsNone) {
  plan("truncated");
  const auto response = get({host::KdsObject::leaf, key()});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::io);
  EXPECT_THAT(response.error().message, HasSubstr(server_->url()));
}

TEST_F(KdsOverHttp, ASlowAnswerEndsAtTheDeadline) {
  plan("slow:3600");
  const auto response = get({host::KdsObject::leaf, key()}, 50ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::busy);
}

TEST_F(KdsOverHttp, ALargeAnswerEndsAtTheLimit) {
  const auto response = get({host::KdsObject::cert_chain, key()}, 10s, 1000);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::too_small);
}

TEST_F(KdsOverHttp, NobodyThereIsSaidSo) {
  const std::string url = server_->url();
  server_.reset();
  const auto response = curl_.get({url + "/vcek/v1/Milan/crl", 1000, 5s});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::io);
  EXPECT_THAT(response.error().message, HasSubstr(url));
}

TEST_F(KdsOverHttp, APortThatIsTakenIsNamedAndNotShared) {
  const std::string address = server_->url().substr(std::string("http://").size());
  const int port = std::stoi(address.substr(address.find(':') + 1));
  const auto second = ModelKdsServer::start(*kds_, "127.0.0.1", port);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_THAT(second.error().message, HasSubstr(address));
}

TEST_F(KdsOverHttp, OtherSchemesAreRefused) {
  EXPECT_FALSE(curl_.get({"file:///etc/passwd", 1000, 5s}));
}

// Holds the first request until all threads have asked.
class GatedHttp final : public host::HttpClient {
 public:
  explicit GatedHttp(host::HttpClient& next) : next_(next) {}
  Result<host::HttpResponse> get(const host::HttpRequest& request) override {
    ++requests;
    while (!open) std::this_thread::yield();
    return next_.get(request);
  }
  std::atomic<unsigned> requests = 0;
  std::atomic<bool> open = false;

 private:
  host::HttpClient& next_;
};

TEST_F(ModelKdsTest, ThreadsThatWantTheSameShareOneRequest) {
  GatedHttp gated(*http_);
  host::KdsClient client(gated, {.leaf_interval = {}, .clock = &clock_});
  constexpr unsigned count = 8;
  const auto wanted = key();
  std::atomic<unsigned> asking = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      ++asking;
      EXPECT_TRUE(client.leaf(wanted, 1h));
    });
  }
  while (asking < count || gated.requests == 0) std::this_thread::yield();
  // Whoever has not come yet asks once more after the gate is open: never more than it has threads,
  // and never two at the same time.
  EXPECT_EQ(gated.requests, 1U);
  gated.open = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(kds_->asked(), gated.requests);
}

}  // namespace
}  // namespace extreq::sim
