#include "hypervisor/scripted_backend.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

TEST(ScriptedBackend, StepsAreTakenInOrderAndSeeTheMsr) {
  ScriptedBackend backend;
  std::uint64_t seen = 0;
  backend.then_vmgexit(0x1000)
      .then([&](std::uint64_t ghcb_msr) -> Result<GuestExit> {
        seen = ghcb_msr;
        return GuestExit{Interrupted{}};
      })
      .then([](std::uint64_t) -> Result<GuestExit> { return fail(Code::closed, "gone"); });
  EXPECT_EQ(std::get<Vmgexit>(*backend.enter(1)).ghcb_msr, 0x1000U);
  EXPECT_TRUE(std::holds_alternative<Interrupted>(*backend.enter(2)));
  EXPECT_EQ(seen, 2U);
  EXPECT_FALSE(backend.finished());
  EXPECT_EQ(backend.enter(3).error().message, "gone");
  EXPECT_TRUE(backend.finished());
  EXPECT_THAT(backend.entries(), testing::ElementsAre(1, 2, 3));
}

TEST(ScriptedBackend, AScriptThatIsOverIsAGuestThatHasShutDown) {
  ScriptedBackend backend;
  EXPECT_TRUE(std::holds_alternative<Shutdown>(*backend.enter(1)));
  EXPECT_TRUE(std::holds_alternative<Shutdown>(*backend.enter(1)));
}

TEST(ScriptedBackend, AStepMayAddSteps) {
  ScriptedBackend backend;
  backend.then([&](std::uint64_t) -> Result<GuestExit> {
    backend.then_vmgexit(5);
    return GuestExit{Interrupted{}};
  });
  EXPECT_TRUE(std::holds_alternative<Interrupted>(*backend.enter(0)));
  EXPECT_EQ(std::get<Vmgexit>(*backend.enter(0)).ghcb_msr, 5U);
}

}  // namespace
}  // namespace extreq::hypervisor
