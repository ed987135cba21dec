// Simulation: a fleet's change of TCB in simulated time: hosts that are updated in stages, guests
// that ask, a key service with AMD's limit and with outages, and between them the scheduler and
// the ledger that the mirror runs, driven by a simulated clock.
//
// Discrete events; the same configuration and seed give the same answer on every machine.
// Threading: a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace extreq::fleet {

enum class Strategy : std::uint8_t {
  on_demand,  // each verifier asks the key service when a guest of a host first comes to it
  mirror,     // the same through a mirror: what one verifier asked for serves all
  prefetch,   // the mirror begins `lead` before the rollout
};

struct Outage {
  Clock::Duration start{};  // since the rollout's start
  Clock::Duration length{};
};

struct SimulationConfig {
  Strategy strategy = Strategy::on_demand;
  std::uint32_t hosts = 100'000;
  std::uint32_t routes = 1;     // addresses that the key service sees
  std::uint32_t verifiers = 1;  // on_demand: each keeps its own certificates; all share the routes
  std::uint32_t stages = 1;     // equal parts of the fleet
  Clock::Duration stage_gap = std::chrono::hours(24);
  bool gated = false;  // a stage waits until all its hosts' certificates are there
  Clock::Duration lead{};
  Clock::Duration guest_interval = std::chrono::hours(1);  // mean, on one host
  // The key service.
  Clock::Duration interval = std::chrono::seconds(10);
  std::uint32_t burst = 1;
  Clock::Duration latency = std::chrono::milliseconds(300);
  std::vector<Outage> outages;  // 503, Retry-After 60 s
  std::uint64_t seed = 1;
};

struct SimulationResult {
  Clock::Duration rolled_out{};      // until the last host was updated
  Clock::Duration all_verifiable{};  // until it was, and the last certificate was there
  std::uint64_t guests_refused = 0;  // attestations on an updated host without its certificate
  std::uint64_t upstream_requests = 0;
  std::uint64_t upstream_limited = 0;  // 429
  std::uint64_t upstream_outages = 0;  // 503
};

// Failure: invalid_input for a configuration that cannot be, naming the field.
[[nodiscard]] Result<SimulationResult> simulate(const SimulationConfig& config);

// What on_demand must come to where all hosts are updated at once and their guests ask at once:
// each route fetches its burst at the start and then one in each interval, and the last takes the
// service's latency.
[[nodiscard]] Clock::Duration closed_formula(const SimulationConfig& config);

}  // namespace extreq::fleet
