#include "lease/bounded_wait.hpp"

#include <gtest/gtest.h>

namespace extreq::lease {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(BoundedWait, EndsAtItsDeadlineAndNotBefore) {
  ManualClock clock;
  clock.advance(milliseconds(5));
  BoundedWait wait(clock, milliseconds(10));
  int pauses = 0;
  while (wait.again()) ++pauses;
  EXPECT_EQ(wait.elapsed(), milliseconds(10));
  EXPECT_EQ(wait.remaining(), Clock::Duration::zero());
  EXPECT_GT(pauses, 40);  // short ones first, then four in a millisecond
  EXPECT_LT(pauses, 50);
}

TEST(BoundedWait, NoTimeAndLessThanNoTimeAskOnce) {
  ManualClock clock;
  EXPECT_FALSE(BoundedWait(clock, Clock::Duration::zero()).again());
  EXPECT_FALSE(BoundedWait(clock, -milliseconds(1)).again());
  EXPECT_EQ(clock.now().time_since_epoch(), Clock::Duration::zero());
}

TEST(BoundedWait, AWaitWithoutEndDoesNotWrapAround) {
  ManualClock clock;
  clock.advance(std::chrono::hours(1));
  BoundedWait wait(clock, Clock::Duration::max());
  EXPECT_TRUE(wait.again());
  EXPECT_GT(wait.remaining(), std::chrono::hours(24 * 365));
}

TEST(BoundedWait, TheLastPauseIsCutToTheDeadline) {
  ManualClock clock;
  BoundedWait wait(clock, microseconds(21));
  EXPECT_TRUE(wait.again());
  EXPECT_TRUE(wait.again());
  EXPECT_FALSE(wait.again());
  EXPECT_EQ(wait.elapsed(), microseconds(21));
}

}  // namespace
}  // namespace extreq::lease
