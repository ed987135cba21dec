#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace extreq {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, SleepingAdvancesBothTimesAtOnce) {
  ManualClock clock(std::chrono::sys_seconds(1000s));
  const auto start = clock.now();
  clock.sleep_for(2500ms);
  EXPECT_EQ(clock.now() - start, 2500ms);
  EXPECT_EQ(clock.utc().time_since_epoch(), 1002s);
}

TEST(SystemClock, IsMonotonicAndAfter2020) {
  const auto before = system_clock().now();
  EXPECT_GE(system_clock().now(), before);
  EXPECT_GT(system_clock().utc().time_since_epoch(), 1577836800s);
}

}  // namespace
}  // namespace extreq
