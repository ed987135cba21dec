// One suite for all ledgers. Times are hours where they must not pass, and zero where they must.
#include "fleet/work_ledger.hpp"

#include <gtest/gtest.h>

#include "fleet/memory_ledger.hpp"
#include "fleet/postgres_ledger.hpp"
#include "fleet/postgres_schema.hpp"
#include "fleet/test_postgres.hpp"

namespace extreq::fleet {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class OfMemory {
 public:
  WorkLedger* ledger() { return &ledger_; }

 private:
  ManualClock clock_;
  MemoryLedger ledger_{clock_};
};

class OfPostgres {
 public:
  OfPostgres() {
    if (TestPostgres::shared() == nullptr) return;
    auto pool = PostgresPool::open({TestPostgres::shared()->new_database()});
    if (!pool || !migrate(**pool)) return;
    pool_ = *std::move(pool);
    ledger_.emplace(*pool_);
  }
  WorkLedger* ledger() { return ledger_ ? &*ledger_ : nullptr; }

 private:
  std::unique_ptr<PostgresPool> pool_;
  std::optional<PostgresLedger> ledger_;
};

template <class Holder>
class Ledger : public testing::Test {
 protected:
  void SetUp() override {
    if (std::is_same_v<Holder, OfPostgres> && TestPostgres::shared() == nullptr) {
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no PostgreSQL to test with";
    }
    ASSERT_NE(holder_.ledger(), nullptr);
  }
  WorkLedger& ledger() { return *holder_.ledger(); }

 private:
  Holder holder_;
};

using Ledgers = testing::Types<OfMemory, OfPostgres>;
TYPED_TEST_SUITE(Ledger, Ledgers);

TYPED_TEST(Ledger, AnItemIsClaimedByOneOwner) {
  EXPECT_EQ(this->ledger().claim("item", "a", hours(1)), true);
  EXPECT_EQ(this->ledger().claim("item", "b", hours(1)), false);
  EXPECT_EQ(this->ledger().claim("other", "b", hours(1)), true);
}

TYPED_TEST(Ledger, AnOwnerClaimsAgainWhatItHas) {
  EXPECT_EQ(this->ledger().claim("item", "a", hours(1)), true);
  EXPECT_EQ(this->ledger().claim("item", "a", hours(1)), true);
}

TYPED_TEST(Ledger, AClaimThatEndedIsTakenOver) {
  EXPECT_EQ(this->ledger().claim("item", "dead", hours(0)), true);
  EXPECT_EQ(this->ledger().claim("item", "b", hours(1)), true);
  EXPECT_EQ(this->ledger().claim("item", "dead", hours(1)), false);
}

TYPED_TEST(Ledger, OnlyTheOwnerReleases) {
  EXPECT_EQ(this->ledger().claim("item", "a", hours(1)), true);
  EXPECT_TRUE(this->ledger().release("item", "b"));
  EXPECT_EQ(this->ledger().claim("item", "b", hours(1)), false);
  EXPECT_TRUE(this->ledger().release("item", "a"));
  EXPECT_EQ(this->ledger().claim("item", "b", hours(1)), true);
}

TYPED_TEST(Ledger, ARouteGivesItsBurstAndThenOneTokenInEachInterval) {
  const Route route{"r", hours(1), 2};
  EXPECT_EQ(this->ledger().take_token(route), Clock::Duration::zero());
  EXPECT_EQ(this->ledger().take_token(route), Clock::Duration::zero());
  const auto wait = this->ledger().take_token(route);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, minutes(50));
  EXPECT_LE(*wait, hours(1));
  EXPECT_EQ(this->ledger().take_token({"another", hours(1), 1}), Clock::Duration::zero());
}

TYPED_TEST(Ledger, ARouteWithoutIntervalHasNoLimit) {
  const Route route{"r", hours(0), 1};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(this->ledger().take_token(route), Clock::Duration::zero());
  }
}

TYPED_TEST(Ledger, APausedRouteGivesNoTokenBeforeThePauseIsOver) {
  const Route route{"r", minutes(1), 3};
  EXPECT_TRUE(this->ledger().pause(route, hours(1)));
  auto wait = this->ledger().take_token(route);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, minutes(50));
  // A shorter silence does not shorten a longer one.
  EXPECT_TRUE(this->ledger().pause(route, minutes(1)));
  wait = this->ledger().take_token(route);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, minutes(50));
}

TYPED_TEST(Ledger, ANegativeAnswerIsRememberedForItsTime) {
  EXPECT_EQ(this->ledger().is_absent("item"), false);
  EXPECT_TRUE(this->ledger().remember_absent("item", hours(1)));
  EXPECT_EQ(this->ledger().is_absent("item"), true);
  EXPECT_TRUE(this->ledger().remember_absent("item", hours(0)));
  EXPECT_EQ(this->ledger().is_absent("item"), false);
}

TEST(MemoryLedger, ATokenComesBackAfterTheInterval) {
  ManualClock clock;
  MemoryLedger ledger(clock);
  const Route route{"r", std::chrono::seconds(10), 1};
  EXPECT_EQ(ledger.take_token(route), Clock::Duration::zero());
  EXPECT_EQ(ledger.take_token(route), std::chrono::seconds(10));
  clock.advance(std::chrono::seconds(10));
  EXPECT_EQ(ledger.take_token(route), Clock::Duration::zero());
  clock.advance(hours(5));  // rest does not save more than the burst
  EXPECT_EQ(ledger.take_token(route), Clock::Duration::zero());
  EXPECT_EQ(ledger.take_token(route), std::chrono::seconds(10));
}

}  // namespace
}  // namespace extreq::fleet
