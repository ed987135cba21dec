#include "hypervisor/rate_limit.hpp"

#include <limits>
#include <thread>

#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateLimit, ABurstPassesAndThenOneRequestEachInterval) {
  ManualClock clock;
  RateLimit limit({.interval = seconds(10), .burst = 3}, clock);
  EXPECT_TRUE(limit.admit(0));
  EXPECT_TRUE(limit.admit(0));
  EXPECT_TRUE(limit.admit(0));
  EXPECT_FALSE(limit.admit(0));
  clock.advance(milliseconds(9999));
  EXPECT_FALSE(limit.admit(0));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(limit.admit(0));
  EXPECT_FALSE(limit.admit(0));
}

TEST(RateLimit, IdleTimeRefillsNoMoreThanTheBurst) {
  ManualClock clock;
  RateLimit limit({.interval = seconds(1), .burst = 2}, clock);
  clock.advance(seconds(1000));
  EXPECT_TRUE(limit.admit(0));
  EXPECT_TRUE(limit.admit(0));
  EXPECT_FALSE(limit.admit(0));
}

TEST(RateLimit, AChannelThatRetriesIsLetThroughAfterThirtySecondsOfBusy) {
  ManualClock clock;
  RateLimit limit({.interval = std::chrono::hours(1), .burst = 1}, clock);
  EXPECT_TRUE(limit.admit(0));
  limit.answered(0);
  const Clock::TimePoint start = clock.now();
  int refused = 0;
  while (!limit.admit(0)) {
    ++refused;
    clock.advance(seconds(2));  // as Linux retries
  }
  EXPECT_EQ(refused, 15);
  EXPECT_EQ(clock.now() - start, seconds(30));
  EXPECT_TRUE(limit.admit(0)) << "until it was answered";
  limit.answered(0);
  EXPECT_FALSE(limit.admit(0)) << "then a new row begins";
}

TEST(RateLimit, BusyFromUserSpaceCountsTowardsTheThirtySeconds) {
  ManualClock clock;
  RateLimit limit({.interval = std::chrono::hours(1), .burst = 1}, clock);
  EXPECT_TRUE(limit.admit(1));
  limit.answered_busy(1);
  clock.advance(seconds(29));
  EXPECT_FALSE(limit.admit(1));
  limit.answered_busy(1);
  clock.advance(seconds(1));
  EXPECT_TRUE(limit.admit(1));
}

TEST(RateLimit, AnotherChannelThatTakesTheTokensStarvesNobody) {
  ManualClock clock;
  RateLimit limit({.interval = seconds(1), .burst = 1}, clock);
  int refused_seconds = 0;
  for (;; ++refused_seconds) {
    EXPECT_TRUE(limit.admit(1));  // always first at the token
    limit.answered(1);
    if (limit.admit(0)) break;
    clock.advance(seconds(1));
  }
  EXPECT_EQ(refused_seconds, 30);
}

TEST(RateLimit, AnyChannelNumberOfTheGuestIsAllowed) {
  ManualClock clock;
  RateLimit limit({.interval = seconds(1), .burst = 1}, clock);
  EXPECT_TRUE(limit.admit(255));
  for (int channel = 0; channel < 256; ++channel) {
    EXPECT_FALSE(limit.admit(static_cast<std::uint8_t>(channel)));
    limit.answered_busy(static_cast<std::uint8_t>(channel));
    limit.answered(static_cast<std::uint8_t>(channel));
  }
}

TEST(RateLimit, ExtremeConfigurationsDoNotOverflow) {
  ManualClock clock;
  clock.advance(std::chrono::hours(24 * 365));
  RateLimit slowest(
      {.interval = Clock::Duration::max(), .burst = std::numeric_limits<std::uint32_t>::max()},
      clock);
  EXPECT_TRUE(slowest.admit(0));
  RateLimit no_burst({.interval = Clock::Duration::max(), .burst = 0}, clock);
  EXPECT_TRUE(no_burst.admit(0)) << "a burst of none counts as one";
  EXPECT_FALSE(no_burst.admit(0));
  RateLimit none({.interval = Clock::Duration::min(), .burst = 1}, clock);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(none.admit(0));
}

TEST(RateLimit, ThreadsTogetherGetTheBurstAndNotMore) {
  ManualClock clock;
  RateLimit limit({.interval = seconds(1), .burst = 100}, clock);
  std::atomic<int> admitted{0};
  const auto ask = [&] {
    for (int i = 0; i < 100; ++i) admitted += limit.admit(0) ? 1 : 0;
  };
  std::thread other(ask);
  ask();
  other.join();
  EXPECT_EQ(admitted, 100);
}

}  // namespace
}  // namespace extreq::hypervisor
