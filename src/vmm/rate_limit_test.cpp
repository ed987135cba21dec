#include "vmm/rate_limit.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace extreq::vmm {
namespace {

using namespace std::chrono_literals;

constexpr Clock::TimePoint start{1000h};

TEST(RateLimit, WithoutAnIntervalEverythingPasses) {
  RateLimit limit(0ns, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limit.admit(start));
}

TEST(RateLimit, ABurstPassesAtOnceAndTheNextOneHasToWaitForItsInterval) {
  RateLimit limit(100ms, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.admit(start));
  EXPECT_FALSE(limit.admit(start));
  EXPECT_FALSE(limit.admit(start + 99ms));
  EXPECT_TRUE(limit.admit(start + 100ms));
  EXPECT_FALSE(limit.admit(start + 100ms));
}

TEST(RateLimit, ALongRestEarnsNoMoreThanOneBurst) {
  RateLimit limit(1s, 2);
  EXPECT_TRUE(limit.admit(start + 1000h));
  EXPECT_TRUE(limit.admit(start + 1000h));
  EXPECT_FALSE(limit.admit(start + 1000h));
}

TEST(RateLimit, ARefusedRequestCostsNothing) {
  RateLimit limit(1s, 1);
  EXPECT_TRUE(limit.admit(start));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(limit.admit(start + 500ms));
  EXPECT_TRUE(limit.admit(start + 1s));
}

TEST(RateLimit, TheLargestNumbersDoNotOverflow) {
  RateLimit limit(Clock::Duration::max(), std::numeric_limits<std::uint32_t>::max());
  EXPECT_TRUE(limit.admit(start));
  EXPECT_TRUE(limit.admit(start));
}

TEST(RateLimit, ThreadsTogetherGetNoMoreThanTheBurst) {
  RateLimit limit(1h, 50);
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int request = 0; request < 100; ++request) {
        if (limit.admit(start)) ++passed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(passed, 50);
}

}  // namespace
}  // namespace extreq::vmm
