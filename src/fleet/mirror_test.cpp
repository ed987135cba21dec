// Mirror and its server, on a store and a ledger of this process, with drivers that run.
#include "fleet/mirror.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "fleet/memory_ledger.hpp"
#include "fleet/sqlite_records.hpp"
#include "fleet/test_service.hpp"

namespace extreq::fleet {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MirrorTest : public testing::Test {
 protected:
  void start(Clock::Duration patience = 60s) {
    Upstream::Options upstream;
    upstream.base_url = TestService::url;
    upstream.anchors = service_.anchors();
    upstream_ = std::make_unique<Upstream>(service_, *place_.store, *records_, upstream);
    Mirror::Options options;
    options.scheduler.owner = "this one";
    options.scheduler.routes = {{"direct", 0s, 1}};
    options.scheduler.first_pause = 1ms;
    options.patience = patience;
    options.layout_folder = place_.folder.path() + "/layout";
    mirror_ = std::make_unique<Mirror>(*place_.store, *records_, ledger_,
                                       std::vector{upstream_.get()}, std::move(options));
  }
  void end() { mirror_.reset(); }

  Clock& clock_ = system_clock();
  MemoryLedger ledger_{clock_};
  TestService service_{clock_};
  TestStore place_;
  std::unique_ptr<SqliteRecords> records_ =
      SqliteRecords::open(place_.folder.path() + "/store.db").value();
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<Mirror> mirror_;
};

TEST_F(MirrorTest, AMissIsFetchedOnceAndAHitIsTheSameBytes) {
  start();
  const std::string path = service_.path(1);
  const auto missed = mirror_->answer(path);
  ASSERT_EQ(missed.status, 200) << missed.body;
  EXPECT_EQ(Bytes(missed.body.begin(), missed.body.end()), service_.leaf(1).der());
  EXPECT_EQ(missed.content_type, "application/octet-stream");
  EXPECT_THAT(missed.cache_control, HasSubstr("immutable"));
  const auto hit = mirror_->answer(path);
  EXPECT_EQ(hit.body, missed.body);
  EXPECT_EQ(service_.asked(path), 1);
  EXPECT_EQ(mirror_->counts().hits, 1U);
  EXPECT_EQ(mirror_->counts().misses, 1U);
}

TEST_F(MirrorTest, ManyThatMissTheSameShareOneFetch) {
  start();
  service_.plan("SPL", {TestService::status(503), TestService::of_model()});
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this] { EXPECT_EQ(mirror_->answer(service_.path(1)).status, 200); });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(service_.asked(service_.path(1)), 2);
}

TEST_F(MirrorTest, AnotherSpellingIsTheSameItem) {
  start();
  ASSERT_EQ(mirror_->answer(service_.path(1)).status, 200);
  const std::string chip = service_.path(1).substr(0, service_.path(1).find('?'));
  EXPECT_EQ(mirror_->answer(chip + "?ucodeSPL=1&snpSPL=22&teeSPL=0&blSPL=4").status, 200);
  EXPECT_EQ(service_.asked(service_.path(1)), 1);
}

TEST_F(MirrorTest, WhatIsNoRequestIsRefusedWithoutAskingTheService) {
  start();
  EXPECT_EQ(mirror_->answer(service_.path(1) + "&x=1").status, 400);
  EXPECT_EQ(mirror_->answer("/etc/passwd").status, 404);
  EXPECT_EQ(mirror_->answer("").status, 404);
  EXPECT_EQ(mirror_->counts().refused, 3U);
  EXPECT_TRUE(upstream_->status_counts().empty());
}

TEST_F(MirrorTest, WhatTheServiceDoesNotHaveIs404AndNotAskedForAgain) {
  start();
  service_.plan("SPL", {TestService::status(404)});
  const auto absent = mirror_->answer(service_.path(1));
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.cache_control, "no-store");
  EXPECT_EQ(mirror_->answer(service_.path(1)).status, 404);
  EXPECT_EQ(service_.asked(service_.path(1)), 1);
}

TEST_F(MirrorTest, WithoutPatienceAMissIs503AndFetchedAllTheSame) {
  start(0s);
  const auto refused = mirror_->answer(service_.path(1));
  EXPECT_EQ(refused.status, 503);
  EXPECT_GT(refused.retry_after_s, 0U);
  while (mirror_->scheduler().pending() > 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(mirror_->answer(service_.path(1)).status, 200);
}

TEST_F(MirrorTest, AStopAnswersWhoWaits) {
  start(1h);
  service_.plan("SPL", {TestService::status(503)});
  std::thread client([this] { EXPECT_EQ(mirror_->answer(service_.path(1)).status, 503); });
  while (mirror_->counts().misses == 0) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(mirror_->ready());
  mirror_->stop();
  client.join();
  EXPECT_FALSE(mirror_->ready());
}

TEST_F(MirrorTest, AStoreThatWasFilledByHandHasAChainToo) {
  using attestation::Product;
  for (const auto& certificate : {service_.kds().ark(), service_.kds().ask()}) {
    ASSERT_TRUE(place_.store->put_authority(Product::milan, host::KeyKind::vcek, certificate));
  }
  start();
  EXPECT_EQ(mirror_->answer("/vcek/v1/Milan/cert_chain").body, service_.chain(host::KeyKind::vcek));
  EXPECT_TRUE(upstream_->status_counts().empty());
}

TEST_F(MirrorTest, TheChainIsPemAskThenArk) {
  start();
  const auto chain = mirror_->answer("/vcek/v1/Milan/cert_chain");
  ASSERT_EQ(chain.status, 200) << chain.body;
  EXPECT_EQ(chain.content_type, "application/x-pem-file");
  EXPECT_EQ(chain.body, service_.chain(host::KeyKind::vcek));
  EXPECT_EQ(mirror_->answer("/vlek/v1/Milan/cert_chain").body, service_.chain(host::KeyKind::vlek));
}

// AMD's own texts; Turin's have other line ends than the others.
TEST_F(MirrorTest, AmdsChainsKeepTheirBytes) {
  const char* data = std::getenv("EXTREQ_TESTDATA");
  ASSERT_NE(data, nullptr) << "ctest sets it; by hand: EXTREQ_TESTDATA=$PWD/tests/data/amd";
  for (const std::string product : {"Milan", "Genoa", "Turin"}) {
    for (const std::string kind : {"vcek", "vlek"}) {
      std::string name = product + "_" + kind + "_chain.pem";
      name[0] = static_cast<char>(std::tolower(name[0]));
      const Bytes file = read_file(std::string(data) + "/roots/" + name).value();
      const std::string path = "/" + kind + "/v1/" + product + "/cert_chain";
      service_.plan(path, {TestService::body(file)});
      start();
      const auto answer = mirror_->answer(path);
      EXPECT_TRUE(answer.body == std::string(file.begin(), file.end()))
          << path << ": status " << answer.status;
      end();
    }
  }
}

TEST_F(MirrorTest, ACrlOutlivesTheMirrorThatFetchedIt) {
  const auto list = service_.serve_crl(7, 72h);
  start();
  const auto fresh = mirror_->answer("/vcek/v1/Milan/crl");
  ASSERT_EQ(fresh.status, 200) << fresh.body;
  EXPECT_EQ(Bytes(fresh.body.begin(), fresh.body.end()), list.der());
  EXPECT_FALSE(fresh.stale);
  end();
  service_.plan("/crl", {TestService::status(503)});
  start();
  const auto kept = mirror_->answer("/vcek/v1/Milan/crl");
  EXPECT_EQ(kept.status, 200);
  EXPECT_EQ(kept.body, fresh.body);
  EXPECT_THAT(mirror_->metrics(), HasSubstr("extreq_mirror_crls 1\n"));
}

TEST_F(MirrorTest, ACrlPastItsTimeIsMarkedAndNotToBeCached) {
  service_.serve_crl(7, -1h);
  start();
  const auto stale = mirror_->answer("/vcek/v1/Milan/crl");
  ASSERT_EQ(stale.status, 200) << stale.body;
  EXPECT_TRUE(stale.stale);
  EXPECT_EQ(stale.cache_control, "no-store");
  EXPECT_THAT(mirror_->metrics(), HasSubstr("extreq_mirror_stale_crls 1\n"));
}

TEST_F(MirrorTest, ACrlThatTheServiceLacksIs404) {
  start();
  EXPECT_EQ(mirror_->answer("/vlek/v1/Milan/crl").status, 404);
}

TEST_F(MirrorTest, WhatIsServedIsLaidOutAsAFile) {
  start();
  ASSERT_EQ(mirror_->answer(service_.path(1)).status, 200);
  const StaticLayout layout(place_.folder.path() + "/layout");
  const std::string path = layout.path_of(service_.key(1)).value();
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove(path);
  ASSERT_EQ(mirror_->answer(service_.path(1)).status, 200);
  EXPECT_TRUE(std::filesystem::exists(path)) << "also what was stored before";
}

}  // namespace
}  // namespace extreq::fleet
