#include "fleet/fetch_scheduler.hpp"

#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "fleet/memory_ledger.hpp"

namespace extreq::fleet {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Kind = FetchScheduler::Step::Kind;

class Scheduler : public testing::Test {
 protected:
  FetchScheduler make(const std::string& owner,
                      std::vector<Route> routes = {{"r", seconds(10), 1}}) {
    FetchScheduler::Options options;
    options.owner = owner;
    options.routes = std::move(routes);
    options.clock = &clock_;
    return {ledger_, [this](const std::string& item) { return stored_.contains(item); }, options};
  }
  // The item that is fetched next after all waiting, which is counted in waited_.
  std::string fetch(FetchScheduler& scheduler, std::size_t route = 0) {
    for (int i = 0; i < 1000; ++i) {
      const auto step = scheduler.next(route);
      EXPECT_TRUE(step);
      if (!step || step->kind == Kind::idle) return "";
      if (step->kind == Kind::fetch) return step->item;
      clock_.advance(step->pause);
    }
    return "never";
  }
  void store(FetchScheduler& scheduler, const std::string& item) {
    stored_.insert(item);
    EXPECT_TRUE(scheduler.finished(item, 0, {Outcome::Kind::stored, {}}));
  }

  ManualClock clock_;
  MemoryLedger ledger_{clock_};
  std::set<std::string> stored_;
};

TEST_F(Scheduler, NothingWantedIsIdle) {
  auto scheduler = make("a");
  EXPECT_EQ(scheduler.next(0)->kind, Kind::idle);
}

TEST_F(Scheduler, DemandGoesBeforePrefetchAndElseInOrder) {
  auto scheduler = make("a", {{"r", seconds(0), 1}});
  scheduler.want("p1", Urgency::prefetch);
  scheduler.want("p2", Urgency::prefetch);
  scheduler.want("d1", Urgency::demand);
  scheduler.want("p3", Urgency::prefetch);
  scheduler.want("p3", Urgency::demand);  // moves up
  for (const char* wanted : {"d1", "p3", "p1", "p2", ""}) {
    const std::string item = fetch(scheduler);
    EXPECT_EQ(item, wanted);
    if (!item.empty()) store(scheduler, item);
  }
}

TEST_F(Scheduler, ARouteIsUsedOnceInEachInterval) {
  auto scheduler = make("a");
  for (const char* item : {"1", "2", "3"}) scheduler.want(item, Urgency::prefetch);
  const auto start = clock_.now();
  for (int i = 0; i < 3; ++i) store(scheduler, fetch(scheduler));
  EXPECT_EQ(clock_.now() - start, seconds(20));
  EXPECT_EQ(scheduler.pending(), 0U);
}

TEST_F(Scheduler, EachRouteHasItsOwnLimit) {
  auto scheduler = make("a", {{"r0", seconds(10), 1}, {"r1", seconds(10), 1}});
  for (const char* item : {"1", "2", "3"}) scheduler.want(item, Urgency::prefetch);
  EXPECT_EQ(scheduler.next(0)->item, "1");
  EXPECT_EQ(scheduler.next(1)->item, "2");
  EXPECT_EQ(scheduler.next(0)->kind, Kind::wait);
  EXPECT_EQ(scheduler.next(1)->kind, Kind::wait);
}

TEST_F(Scheduler, InstancesThatShareALedgerFetchNothingTwiceAndShareARoutesLimit) {
  auto a = make("a");
  auto b = make("b");
  for (auto* scheduler : {&a, &b}) {
    for (const char* item : {"1", "2"}) scheduler->want(item, Urgency::prefetch);
  }
  const auto start = clock_.now();
  const std::string first = fetch(a);
  const std::string second = fetch(b);
  EXPECT_NE(first, second);
  EXPECT_EQ(clock_.now() - start, seconds(10));
  store(a, first);
  store(b, second);
  EXPECT_EQ(fetch(a), "");
  EXPECT_EQ(fetch(b), "");
}

TEST_F(Scheduler, WhatACrashedInstanceHadClaimedIsTakenOverWhenItsLeaseEnds) {
  auto dead = make("dead");
  dead.want("1", Urgency::demand);
  EXPECT_EQ(fetch(dead), "1");
  auto heir = make("heir");
  heir.want("1", Urgency::demand);
  const auto start = clock_.now();
  EXPECT_EQ(fetch(heir), "1");
  EXPECT_GE(clock_.now() - start, heir.options().lease);
  EXPECT_LE(clock_.now() - start, heir.options().lease + seconds(10));
}

TEST_F(Scheduler, RetryAfterSilencesTheRouteForAllItemsAndInstances) {
  auto a = make("a");
  auto b = make("b");
  a.want("1", Urgency::demand);
  a.want("2", Urgency::demand);
  b.want("3", Urgency::demand);
  const std::string item = fetch(a);
  const auto start = clock_.now();
  ASSERT_TRUE(a.finished(item, 0, {Outcome::Kind::again, minutes(3)}));
  EXPECT_EQ(a.next(0)->pause, minutes(3));
  EXPECT_EQ(b.next(0)->pause, minutes(3));
  EXPECT_EQ(fetch(a), "2");
  EXPECT_EQ(clock_.now() - start, minutes(3));
}

TEST_F(Scheduler, FailuresInARowDoubleThePauseUpToItsLimitAndASuccessEndsThem) {
  auto scheduler = make("a", {{"r", seconds(0), 1}});
  scheduler.want("1", Urgency::demand);
  Clock::Duration expected = seconds(1);
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(fetch(scheduler), "1");
    ASSERT_TRUE(scheduler.finished("1", 0, {Outcome::Kind::again, {}}));
    EXPECT_EQ(scheduler.next(0)->pause, expected);
    expected = std::min<Clock::Duration>(expected * 2, minutes(5));
  }
  store(scheduler, fetch(scheduler));
  scheduler.want("2", Urgency::demand);
  ASSERT_EQ(fetch(scheduler), "2");
  ASSERT_TRUE(scheduler.finished("2", 0, {Outcome::Kind::again, {}}));
  EXPECT_EQ(scheduler.next(0)->pause, seconds(1));
}

TEST_F(Scheduler, WhatTheServiceDoesNotHaveIsNotAskedForAgainSoon) {
  auto scheduler = make("a");
  scheduler.want("1", Urgency::demand);
  ASSERT_EQ(fetch(scheduler), "1");
  ASSERT_TRUE(scheduler.finished("1", 0, {Outcome::Kind::absent, {}}));
  EXPECT_FALSE(scheduler.is_pending("1"));
  clock_.advance(minutes(1));
  scheduler.want("1", Urgency::demand);
  EXPECT_EQ(fetch(scheduler), "");
  clock_.advance(minutes(10));
  scheduler.want("1", Urgency::demand);
  EXPECT_EQ(fetch(scheduler), "1");
}

// A ledger whose database is away.
class BrokenLedger final : public WorkLedger {
 public:
  Result<bool> claim(const std::string&, const std::string&, Clock::Duration) override {
    return fail(Code::busy, "away");
  }
  Status release(const std::string&, const std::string&) override {
    return fail(Code::busy, "away");
  }
  Result<Clock::Duration> take_token(const Route&) override { return fail(Code::busy, "away"); }
  Status pause(const Route&, Clock::Duration) override { return fail(Code::busy, "away"); }
  Status remember_absent(const std::string&, Clock::Duration) override {
    return fail(Code::busy, "away");
  }
  Result<bool> is_absent(const std::string&) override { return fail(Code::busy, "away"); }
};

TEST(SchedulerFailure, ALedgerThatIsAwayLosesNothing) {
  BrokenLedger ledger;
  FetchScheduler scheduler(ledger, [](const std::string&) { return false; },
                           {.owner = "a", .routes = {{"r", seconds(0), 1}}});
  scheduler.want("1", Urgency::demand);
  EXPECT_FALSE(scheduler.next(0));
  EXPECT_FALSE(scheduler.next(0));
  EXPECT_TRUE(scheduler.is_pending("1"));
}

TEST(SchedulerThreads, ManyDriversFetchEachItemOnce) {
  MemoryLedger ledger(system_clock());
  std::mutex mutex;
  std::map<std::string, int> fetched;
  FetchScheduler scheduler(
      ledger,
      [&](const std::string& item) {
        const std::lock_guard lock(mutex);
        return fetched.contains(item);
      },
      {.owner = "a", .routes = std::vector<Route>(4, Route{"r", seconds(0), 1})});
  constexpr int count = 500;
  for (int i = 0; i < count; ++i) scheduler.want(std::to_string(i), Urgency::prefetch);
  std::vector<std::thread> drivers;
  for (std::size_t route = 0; route < 4; ++route) {
    drivers.emplace_back([&, route] {
      while (true) {
        const auto step = scheduler.next(route);
        if (!step || step->kind == Kind::idle) return;
        if (step->kind == Kind::wait) continue;
        {
          const std::lock_guard lock(mutex);
          ++fetched[step->item];
        }
        EXPECT_TRUE(scheduler.finished(step->item, route, {}));
      }
    });
  }
  for (auto& driver : drivers) driver.join();
  EXPECT_EQ(fetched.size(), std::size_t{count});
  for (const auto& [item, times] : fetched) EXPECT_EQ(times, 1) << item;
}

}  // namespace
}  // namespace extreq::fleet
