#include "firmware/model/fault_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using snp::CommandStatus;

class FaultPlanTest : public testing::Test {
 protected:
  ManualClock clock_;
  Options options_{.clock = &clock_, .command_latency = std::chrono::milliseconds(2)};
  std::unique_ptr<SecureProcessor> processor_ =
      test_processor(attestation::Product::milan, options_);
  TestGuest guest_{*processor_};

  CommandStatus ask() {
    return guest_.ask_with(snp::MessageType::report_req, snp::ReportRequest{}).status;
  }
};

TEST_F(FaultPlanTest, FailsTheNextGuestRequestsAndNoMore) {
  processor_->faults().fail_guest_requests(CommandStatus::hardware_error_platform, 2);
  EXPECT_EQ(ask(), CommandStatus::hardware_error_platform);
  EXPECT_TRUE(processor_->platform_status()) << "of another kind";
  EXPECT_EQ(ask(), CommandStatus::hardware_error_platform);
  EXPECT_EQ(ask(), CommandStatus::success) << "the counter has not moved";
}

TEST_F(FaultPlanTest, FailsThePlatformsCommandsWithoutEffect) {
  processor_->faults().fail_platform_commands(CommandStatus::invalid_platform_state, 1);
  snp::Config config;
  config.flags = snp::config_flags::mask_chip_id;
  const auto refused = processor_->set_config(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, CommandStatus::invalid_platform_state);
  EXPECT_EQ(refused.error().message, "SNP_CONFIG: status 0x1 by fault plan");
  EXPECT_EQ(must(processor_->platform_status()).flags, 0U);
  EXPECT_EQ(ask(), CommandStatus::success);
}

TEST_F(FaultPlanTest, EachCommandTakesTheLatency) {
  const auto before = clock_.now();
  must(processor_->platform_status());
  EXPECT_EQ(clock_.now() - before, std::chrono::milliseconds(2));
  ask();
  EXPECT_EQ(clock_.now() - before, std::chrono::milliseconds(4));
}

TEST_F(FaultPlanTest, DelaysTheNextCommands) {
  processor_->faults().delay_commands(std::chrono::seconds(1), 1);
  const auto before = clock_.now();
  must(processor_->platform_status());
  EXPECT_EQ(clock_.now() - before, std::chrono::milliseconds(1002));
  must(processor_->platform_status());
  EXPECT_EQ(clock_.now() - before, std::chrono::milliseconds(1004));
}

TEST_F(FaultPlanTest, ClearTakesAllFaultsBack) {
  auto& faults = processor_->faults();
  faults.fail_guest_requests(CommandStatus::invalid_guest, 5);
  faults.fail_platform_commands(CommandStatus::invalid_guest, 5);
  faults.lose_responses(5);
  faults.delay_commands(std::chrono::seconds(1), 5);
  faults.clear();
  const auto before = clock_.now();
  EXPECT_EQ(ask(), CommandStatus::success);
  EXPECT_TRUE(processor_->platform_status());
  EXPECT_EQ(clock_.now() - before, std::chrono::milliseconds(4));
}

}  // namespace
}  // namespace extreq::firmware::model
