#include "sim/guest_thread.hpp"

#include <atomic>

#include <gtest/gtest.h>

namespace extreq::sim {
namespace {

using hypervisor::GuestExit;
using hypervisor::Interrupted;
using hypervisor::Shutdown;
using hypervisor::Vmgexit;

std::uint64_t msr_of(const Result<GuestExit>& exit) {
  const auto* vmgexit = exit ? std::get_if<Vmgexit>(&*exit) : nullptr;
  return vmgexit == nullptr ? 0 : vmgexit->ghcb_msr;
}

TEST(GuestThread, GuestAndHostTakeTurnsAndPassTheMsrBothWays) {
  GuestThread backend([](GuestCpu& cpu) {
    auto answer = cpu.vmgexit(10);
    while (answer && *answer < 15) answer = cpu.vmgexit(*answer * 100);
  });
  EXPECT_EQ(msr_of(backend.enter(1)), 10U);
  EXPECT_EQ(msr_of(backend.enter(11)), 1100U);
  EXPECT_EQ(msr_of(backend.enter(12)), 1200U);
  auto end = backend.enter(15);
  ASSERT_TRUE(end);
  EXPECT_TRUE(std::holds_alternative<Shutdown>(*end));
  end = backend.enter(16);
  EXPECT_TRUE(std::holds_alternative<Shutdown>(*end));
}

TEST(GuestThread, AGuestThatWaitsIsReleasedWhenItsProcessorIsTakenAway) {
  std::atomic<bool> closed = false;
  {
    GuestThread backend([&](GuestCpu& cpu) {
      const auto answer = cpu.vmgexit(1);
      closed = !answer && answer.error().code == Code::closed;
    });
    EXPECT_EQ(msr_of(backend.enter(0)), 1U);
  }
  EXPECT_TRUE(closed);
}

TEST(GuestThread, AGuestThatNeverRanNeedsNoThread) {
  bool ran = false;
  {
    const GuestThread backend([&](GuestCpu&) { ran = true; });
  }
  EXPECT_FALSE(ran);
}

TEST(GuestThread, AKickBetweenTwoEntriesInterruptsTheNextAndLosesNothing) {
  GuestThread backend([](GuestCpu& cpu) {
    const auto first = cpu.vmgexit(1);
    if (first) (void)cpu.vmgexit(*first);
  });
  EXPECT_EQ(msr_of(backend.enter(0)), 1U);
  backend.kick();
  const auto interrupted = backend.enter(77);
  ASSERT_TRUE(interrupted);
  EXPECT_TRUE(std::holds_alternative<Interrupted>(*interrupted));
  EXPECT_EQ(msr_of(backend.enter(77)), 77U);
}

TEST(GuestThread, AKickReachesAGuestThatRunsForEver) {
  std::atomic<bool> go_on = true;
  GuestThread backend([&](GuestCpu& cpu) {
    while (go_on) std::this_thread::yield();
    (void)cpu.vmgexit(5);
  });
  std::thread kicker([&] { backend.kick(); });
  const auto interrupted = backend.enter(0);
  kicker.join();
  ASSERT_TRUE(interrupted);
  EXPECT_TRUE(std::holds_alternative<Interrupted>(*interrupted));
  go_on = false;
  EXPECT_EQ(msr_of(backend.enter(0)), 5U);
}

}  // namespace
}  // namespace extreq::sim
