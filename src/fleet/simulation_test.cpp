#include "fleet/simulation.hpp"

#include <gtest/gtest.h>

namespace extreq::fleet {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

SimulationConfig small() {
  SimulationConfig config;
  config.hosts = 600;
  config.guest_interval = minutes(1);
  return config;
}

SimulationResult run(const SimulationConfig& config) {
  auto result = simulate(config);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *std::move(result) : SimulationResult{};
}

TEST(Simulation, OnDemandAgreesWithTheClosedFormula) {
  for (const std::uint32_t routes : {1U, 3U, 8U}) {
    for (const std::uint32_t burst : {1U, 5U}) {
      auto config = small();
      config.routes = routes;
      config.burst = burst;
      config.guest_interval = seconds(1);  // all ask at once
      const auto result = run(config);
      const auto expected = closed_formula(config);
      EXPECT_GE(result.all_verifiable, expected) << routes << " routes, burst " << burst;
      // One drive of each route for what the first guests and the latency delay; no more.
      EXPECT_LE(result.all_verifiable, expected + config.interval)
          << routes << " routes, burst " << burst;
      EXPECT_EQ(result.upstream_requests, config.hosts);
    }
  }
}

TEST(Simulation, ElevenDaysForAHundredThousandHostsBehindOneAddress) {
  SimulationConfig config;
  EXPECT_NEAR(std::chrono::duration<double>(closed_formula(config)).count() / 86400, 11.57, 0.01);
}

TEST(Simulation, TheSchedulersOwnLimitMeetsNoneOfTheServices) {
  const auto result = run(small());
  EXPECT_EQ(result.upstream_limited, 0U);
}

TEST(Simulation, TheSameSeedGivesTheSameAnswerAndAnotherSeedAnother) {
  auto config = small();
  const auto first = run(config);
  EXPECT_EQ(run(config).guests_refused, first.guests_refused);
  config.seed = 2;
  EXPECT_NE(run(config).guests_refused, first.guests_refused);
}

TEST(Simulation, AMirrorAsksOnceForAllVerifiers) {
  auto config = small();
  config.verifiers = 3;
  EXPECT_EQ(run(config).upstream_requests, 3U * config.hosts);
  config.strategy = Strategy::mirror;
  EXPECT_EQ(run(config).upstream_requests, config.hosts);
}

TEST(Simulation, PrefetchWithEnoughLeadRefusesNobody) {
  auto config = small();
  config.strategy = Strategy::prefetch;
  config.lead = hours(2);  // 600 hosts, one in ten seconds: 100 minutes
  const auto result = run(config);
  EXPECT_EQ(result.guests_refused, 0U);
  EXPECT_EQ(result.all_verifiable, Clock::Duration::zero());
  EXPECT_EQ(result.upstream_requests, config.hosts);
}

TEST(Simulation, PrefetchWithTooLittleLeadRefusesLessThanDemandAlone) {
  auto config = small();
  const auto demand = run(config);
  config.strategy = Strategy::prefetch;
  config.lead = hours(1);
  const auto prefetch = run(config);
  EXPECT_GT(prefetch.guests_refused, 0U);
  EXPECT_LT(prefetch.guests_refused, demand.guests_refused);
}

TEST(Simulation, AGatedRolloutRefusesNobodyAndTakesAsLongAsItsCertificates) {
  auto config = small();
  config.strategy = Strategy::prefetch;
  config.gated = true;
  config.stages = 4;
  config.stage_gap = minutes(1);
  const auto result = run(config);
  EXPECT_EQ(result.guests_refused, 0U);
  EXPECT_GE(result.rolled_out, closed_formula(config) - config.interval);
  EXPECT_LE(result.rolled_out, closed_formula(config) + config.interval + minutes(4));
}

TEST(Simulation, AnOutageDelaysAndIsNotHammered) {
  auto config = small();
  const auto calm = run(config);
  config.outages = {{minutes(10), hours(2)}};
  const auto stormy = run(config);
  EXPECT_GE(stormy.all_verifiable, calm.all_verifiable + hours(2) - minutes(1));
  EXPECT_LE(stormy.all_verifiable, calm.all_verifiable + hours(2) + minutes(2));
  EXPECT_LE(stormy.upstream_outages, 121U);  // one a minute: Retry-After
  EXPECT_EQ(stormy.upstream_requests, config.hosts + stormy.upstream_outages);
}

TEST(Simulation, WhatCannotBeIsRefused) {
  for (const auto& change : std::initializer_list<void (*)(SimulationConfig&)>{
           [](SimulationConfig& c) { c.hosts = 0; }, [](SimulationConfig& c) { c.routes = 0; },
           [](SimulationConfig& c) { c.stages = 0; }, [](SimulationConfig& c) { c.verifiers = 0; },
           [](SimulationConfig& c) { c.guest_interval = seconds(0); },
           [](SimulationConfig& c) { c.gated = true; }}) {
    auto config = small();
    change(config);
    EXPECT_FALSE(simulate(config));
  }
}

}  // namespace
}  // namespace extreq::fleet
