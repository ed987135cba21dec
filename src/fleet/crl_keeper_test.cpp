#include "fleet/crl_keeper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/memory_ledger.hpp"

namespace extreq::fleet {
namespace {

using namespace std::chrono_literals;
using attestation::Product;
using host::KeyKind;
using host::StoredCrl;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A store that outlives its keepers and a service that says what it is told; one ledger.
class CrlKeeperTest : public testing::Test {
 protected:
  StoredCrl list(std::uint8_t number, std::chrono::seconds life = 72h) {
    return {Product::milan, KeyKind::vcek,       Bytes(32, 1),        {number},
            clock_.utc(),   clock_.utc() + life, {0x30, 0x01, number}};
  }

  CrlKeeper::Ports ports() {
    CrlKeeper::Ports ports;
    ports.stored = [this](Product product, KeyKind kind) -> Result<std::optional<StoredCrl>> {
      if (store_failure_) return tl::unexpected(*store_failure_);
      if (product != Product::milan || kind != KeyKind::vcek) return std::nullopt;
      return stored_;
    };
    ports.fetch = [this](Product, KeyKind) -> Result<StoredCrl> {
      ++fetches_;
      if (served_) stored_ = *served_;
      return served_;
    };
    return ports;
  }
  CrlKeeper keeper(const std::string& owner) {
    CrlKeeper::Options options;
    options.owner = owner;
    options.clock = &clock_;
    return {ledger_, ports(), options};
  }
  static Result<std::optional<CrlKeeper::Crl>> look(CrlKeeper& keeper) {
    return keeper.look(Product::milan, KeyKind::vcek);
  }

  ManualClock clock_{std::chrono::sys_seconds(1'790'000'000s)};
  MemoryLedger ledger_{clock_};
  std::optional<StoredCrl> stored_;
  std::optional<Error> store_failure_;
  Result<StoredCrl> served_ = fail(Code::io, "no network");
  int fetches_ = 0;
};

TEST_F(CrlKeeperTest, AListThatNobodyAskedForIsNotFetched) {
  auto keeper = this->keeper("a");
  EXPECT_THAT(keeper.work().problems, IsEmpty());
  EXPECT_EQ(fetches_, 0);
}

TEST_F(CrlKeeperTest, AListThatIsAskedForComesWithTheNextTurn) {
  auto keeper = this->keeper("a");
  (void)keeper.work();
  served_ = list(7);
  EXPECT_FALSE(look(keeper).value());
  EXPECT_TRUE(keeper.work().news);
  ASSERT_TRUE(look(keeper).value());
  EXPECT_EQ(look(keeper).value()->der, served_->der);
  EXPECT_FALSE(look(keeper).value()->stale);
}

TEST_F(CrlKeeperTest, AMirrorThatStartsWithoutTheServiceServesWhatTheStoreHas) {
  stored_ = list(7);
  auto keeper = this->keeper("a");
  const auto turn = keeper.work();
  EXPECT_THAT(turn.problems, ElementsAre(HasSubstr("no network")));
  ASSERT_TRUE(look(keeper).value());
  EXPECT_EQ(look(keeper).value()->der, stored_->der);
}

TEST_F(CrlKeeperTest, AListIsFetchedOnceInAnInterval) {
  served_ = list(7);
  auto keeper = this->keeper("a");
  (void)look(keeper);
  (void)keeper.work();
  clock_.advance(59min);
  (void)keeper.work();
  EXPECT_EQ(fetches_, 1);
  served_ = list(8);
  clock_.advance(1min);
  (void)keeper.work();
  EXPECT_EQ(fetches_, 2);
  EXPECT_EQ(look(keeper).value()->der, list(8).der);
}

TEST_F(CrlKeeperTest, AListThatEndsBeforeTheIntervalIsFetchedThen) {
  served_ = list(7, 30min);
  auto keeper = this->keeper("a");
  (void)look(keeper);
  (void)keeper.work();
  clock_.advance(30min);
  (void)keeper.work();
  EXPECT_EQ(fetches_, 2);
}

TEST_F(CrlKeeperTest, OfManyInstancesOneFetchesAndAllServe) {
  served_ = list(7);
  auto first = this->keeper("a");
  auto second = this->keeper("b");
  (void)look(first);
  (void)look(second);
  (void)first.work();
  (void)second.work();
  EXPECT_EQ(fetches_, 1);
  EXPECT_EQ(look(second).value()->der, served_->der);
  served_ = list(8);
  clock_.advance(1h);
  (void)second.work();
  (void)first.work();
  EXPECT_EQ(fetches_, 2);
  EXPECT_EQ(look(first).value()->der, list(8).der);
}

TEST_F(CrlKeeperTest, WhatADeadInstanceWasToFetchIsTakenOver) {
  ASSERT_TRUE(ledger_.claim("/vcek/v1/Milan/crl", "dead", 2min).value());
  served_ = list(7);
  auto keeper = this->keeper("a");
  (void)look(keeper);
  (void)keeper.work();
  EXPECT_EQ(fetches_, 0);
  EXPECT_FALSE(look(keeper).value());
  clock_.advance(2min);
  (void)keeper.work();
  EXPECT_TRUE(look(keeper).value());
}

TEST_F(CrlKeeperTest, PastItsTimeAListIsServedAndStaleUntilANewOneComes) {
  served_ = list(7, 2h);
  auto keeper = this->keeper("a");
  (void)look(keeper);
  (void)keeper.work();
  served_ = fail(Code::busy, "status 503");
  clock_.advance(2h);
  (void)keeper.work();
  EXPECT_FALSE(look(keeper).value()->stale) << "nextUpdate is the last second";
  clock_.advance(1s);
  EXPECT_TRUE(look(keeper).value()->stale);
  EXPECT_EQ(keeper.counts().stale, 1U);
  served_ = list(8);
  clock_.advance(15min);
  (void)keeper.work();
  EXPECT_FALSE(look(keeper).value()->stale);
  EXPECT_EQ(look(keeper).value()->der, list(8).der);
  EXPECT_EQ(keeper.counts().stale, 0U);
}

TEST_F(CrlKeeperTest, AfterFailuresThePausesDoubleUpToTheLongest) {
  auto keeper = this->keeper("a");
  (void)look(keeper);
  for (const auto pause : {10s, 20s, 40s, 80s, 160s, 320s, 640s, 900s, 900s}) {
    EXPECT_THAT(keeper.work().problems, ElementsAre(HasSubstr("no network")));
    clock_.advance(pause - 1s);
    EXPECT_THAT(keeper.work().problems, IsEmpty()) << pause.count();
    clock_.advance(1s);
  }
  EXPECT_EQ(fetches_, 9);
}

TEST_F(CrlKeeperTest, WhatTheServiceDoesNotHaveIsRememberedByAllForAWhile) {
  served_ = fail(Code::not_found, "404");
  auto first = this->keeper("a");
  auto second = this->keeper("b");
  (void)look(first);
  (void)look(second);
  EXPECT_THAT(first.work().problems, IsEmpty());
  (void)second.work();
  EXPECT_EQ(look(first).error().code, Code::not_found);
  EXPECT_EQ(look(second).error().code, Code::not_found);
  EXPECT_EQ(fetches_, 1);
  served_ = list(1);
  clock_.advance(10min);
  (void)first.work();
  EXPECT_TRUE(look(first).value());
}

TEST_F(CrlKeeperTest, AKeptListStaysWhenTheServiceForgetsIt) {
  served_ = list(7);
  auto keeper = this->keeper("a");
  (void)look(keeper);
  (void)keeper.work();
  served_ = fail(Code::not_found, "404");
  clock_.advance(1h);
  (void)keeper.work();
  EXPECT_TRUE(look(keeper).value());
}

TEST_F(CrlKeeperTest, AStoreThatFailsAtTheStartIsAskedAgain) {
  store_failure_ = Error{Code::busy, "the database did not answer"};
  auto keeper = this->keeper("a");
  EXPECT_THAT(keeper.work().problems, ElementsAre(HasSubstr("did not answer")));
  store_failure_.reset();
  stored_ = list(7);
  (void)keeper.work();
  EXPECT_TRUE(look(keeper).value());
}

}  // namespace
}  // namespace extreq::fleet
