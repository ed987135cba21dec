#include "machine/fault.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::machine {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(ParseFault, ReadsNameValueCountAndDuration) {
  const Fault fault = parse_fault("slow=500*2").value();
  EXPECT_EQ(fault.kind, FaultKind::slow);
  EXPECT_EQ(fault.value, 500U);
  EXPECT_EQ(fault.count, 2U);
  EXPECT_EQ(fault.lasting, 0ms);
  EXPECT_EQ(parse_fault("no-certificates@40s")->lasting, 40s);
  EXPECT_EQ(parse_fault("busy@300ms")->lasting, 300ms);
}

TEST(ParseFault, WhatIsSaidCanBeReadAgain) {
  for (const char* text :
       {"busy", "busy*3", "tcb", "status=0x16", "large-table=0x5*2", "no-certificates@40000ms"}) {
    EXPECT_EQ(to_text(parse_fault(text).value()), text);
  }
}

TEST(ParseFault, AWrongOneIsNamedWithTheNamesThatThereAre) {
  for (const char* text : {"", "busy=1", "status", "status=", "status=x", "busy*0", "busy*x",
                           "large-table=5000", "nothing", "busy@", "busy@40", "busy@0s", "busy@xs",
                           "busy@ms", "busy*2@1s", "busy@90000s", "busy@1s*2", "slow=0"}) {
    const auto fault = parse_fault(text);
    ASSERT_FALSE(fault) << text;
    EXPECT_EQ(fault.error().code, Code::invalid_input);
  }
  EXPECT_THAT(parse_fault("nothing").error().message, HasSubstr("flip-tag"));
}

TEST(FaultSteps, EachLineIsAStepAndCommentsAreNone) {
  const auto steps = parse_fault_steps(
      "# what a guest meets\n\n  busy*2  large-table=5 # both\npass\r\n\t\nflip-tag");
  ASSERT_TRUE(steps) << steps.error().message;
  ASSERT_EQ(steps->size(), 3U);
  EXPECT_EQ(steps->at(0).size(), 2U);
  EXPECT_TRUE(steps->at(1).empty());
  EXPECT_EQ(steps->at(2).at(0).kind, FaultKind::flip_tag);
}

TEST(FaultSteps, AWrongWordIsNamedWithItsLine) {
  const auto steps = parse_fault_steps("pass\n\nbusy often\n");
  ASSERT_FALSE(steps);
  EXPECT_THAT(steps.error().message, HasSubstr("line 3: fault 'often'"));
}

}  // namespace
}  // namespace extreq::machine
