#include "machine/fault_script.hpp"

#include <gtest/gtest.h>

namespace extreq::machine {
namespace {

using namespace std::chrono_literals;

class FaultScriptTest : public testing::Test {
 protected:
  void add(std::string_view text) { script_.add(parse_fault(text).value()); }
  bool take(FaultKind kind) { return script_.take(kind).has_value(); }

  ManualClock clock_;
  FaultScript script_{clock_};
};

TEST_F(FaultScriptTest, AFaultIsUsedUpByItsCount) {
  add("busy*2");
  EXPECT_FALSE(take(FaultKind::slow));
  EXPECT_TRUE(take(FaultKind::busy));
  EXPECT_TRUE(take(FaultKind::busy));
  EXPECT_FALSE(take(FaultKind::busy));
}

TEST_F(FaultScriptTest, WhatLastsBeginsWithTheFirstRequestAndEndsWithItsTime) {
  add("no-certificates@40s");
  clock_.advance(100s);
  EXPECT_TRUE(take(FaultKind::no_certificates));
  clock_.advance(39999ms);
  EXPECT_TRUE(take(FaultKind::no_certificates));
  clock_.advance(1ms);
  EXPECT_FALSE(take(FaultKind::no_certificates));
}

TEST_F(FaultScriptTest, WhatAMessageDidNotMeetGoesWithItsStep) {
  script_.set_steps(parse_fault_steps("busy*3\npass\nslow=1").value());
  EXPECT_TRUE(take(FaultKind::busy));
  script_.message_done();
  EXPECT_FALSE(take(FaultKind::busy));
  EXPECT_FALSE(take(FaultKind::slow));
  script_.message_done();
  EXPECT_TRUE(take(FaultKind::slow));
  script_.message_done();
  script_.message_done();
  EXPECT_EQ(script_.left(), "");
}

TEST_F(FaultScriptTest, WhatLastsOutlivesItsStep) {
  script_.set_steps(parse_fault_steps("no-certificates@1s\npass\npass").value());
  EXPECT_TRUE(take(FaultKind::no_certificates));
  script_.message_done();
  EXPECT_TRUE(take(FaultKind::no_certificates));
  clock_.advance(1s);
  EXPECT_FALSE(take(FaultKind::no_certificates));
}

TEST_F(FaultScriptTest, SaysWhatWasNotMet) {
  add("busy*2");
  EXPECT_TRUE(take(FaultKind::busy));
  script_.set_steps(parse_fault_steps("pass\nflip-tag").value());
  EXPECT_EQ(script_.left(), "busy, 2 steps of the script");
}

}  // namespace
}  // namespace extreq::machine
