#include "sim/simulation.hpp"

#include <gtest/gtest.h>

#include "firmware/model/test_authority.hpp"

namespace extreq::sim {
namespace {

SimulationConfig config_of(unsigned vcpus, std::uint64_t requests) {
  SimulationConfig config;
  config.vcpus = vcpus;
  config.requests = requests;
  config.keys = firmware::model::test_authority_keys();
  return config;
}

SimulationResult result_of(const SimulationConfig& config) {
  Recorder recorder;
  auto result = simulate(config, recorder);
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(SimulationResult{});
}

TEST(Simulation, EveryRequestOfAGuestEndsInGenuineEvidence) {
  const auto result = result_of(config_of(3, 50));
  EXPECT_EQ(result.requests, 50U);
  EXPECT_EQ(result.genuine, 50U) << result.first_problem;
  EXPECT_EQ(result.rotations, 0U);
}

TEST(Simulation, BothExitAbisServeTheSamePath) {
  for (const auto abi : {hypervisor::ExitAbi::merged, hypervisor::ExitAbi::review}) {
    SimulationConfig config = config_of(2, 20);
    config.exit_abi = abi;
    const auto result = result_of(config);
    EXPECT_EQ(result.genuine, 20U) << result.first_problem;
  }
}

TEST(Simulation, EveryProductIsServed) {
  using attestation::Product;
  for (const auto product : {Product::milan, Product::genoa, Product::turin}) {
    SimulationConfig config = config_of(1, 5);
    config.product = product;
    const auto result = result_of(config);
    EXPECT_EQ(result.genuine, 5U) << result.first_problem;
  }
}

TEST(Simulation, NoRequestSeesAMismatchWhileTheTcbRotatesUnderTheLock) {
  SimulationConfig config = config_of(8, 400);
  config.rotate = true;
  const auto result = result_of(config);
  EXPECT_EQ(result.requests, 400U);
  EXPECT_EQ(result.mismatches, 0U) << result.first_problem;
  EXPECT_EQ(result.not_genuine, 0U) << result.first_problem;
  EXPECT_EQ(result.failures, 0U) << result.first_problem;
  EXPECT_GT(result.rotations, 1U);
}

TEST(Simulation, WithoutTheLockTheSameRunShowsMismatches) {
  SimulationConfig config = config_of(2, 100);
  config.rotate = true;
  config.lock = false;
  const auto result = result_of(config);
  EXPECT_EQ(result.requests, 100U);
  EXPECT_GT(result.mismatches, 5U);
  EXPECT_GT(result.genuine, 5U);
  EXPECT_FALSE(result.first_problem.empty());
}

TEST(Simulation, WithoutTheLockOneProcessorMissesExactlyWhereTheSeedSays) {
  SimulationConfig config = config_of(1, 60);
  config.rotate = true;
  config.lock = false;
  config.seed = 7;
  const auto first = result_of(config);
  const auto second = result_of(config);
  EXPECT_EQ(first.mismatches, second.mismatches);
  EXPECT_EQ(first.mismatches, first.rotations);
}

TEST(Simulation, TellsTheStepsOfARequestInTheirOrder) {
  Recorder recorder;
  StepLog steps;
  ASSERT_TRUE(simulate(config_of(1, 1), recorder, &steps));
  std::vector<std::string> who;
  for (const Step& step : steps.take()) {
    if (who.empty() || who.back() != step.who) who.push_back(step.who);
  }
  EXPECT_EQ(who, (std::vector<std::string>{"VMM", "guest", "hypervisor", "VMM", "firmware", "VMM",
                                           "guest"}));
}

TEST(Simulation, RecordsTheTimeOfEachStage) {
  Recorder recorder;
  SimulationConfig config = config_of(1, 5);
  config.rotate = true;
  ASSERT_TRUE(simulate(config, recorder));
  for (std::size_t i = 0; i < stage_count; ++i) {
    EXPECT_GT(recorder.total(static_cast<Stage>(i)).count(), 0) << name(static_cast<Stage>(i));
  }
}

TEST(Simulation, AGuestWithoutProcessorsIsRefused) {
  Recorder recorder;
  const auto result = simulate(config_of(0, 1), recorder);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_input);
}

}  // namespace
}  // namespace extreq::sim
