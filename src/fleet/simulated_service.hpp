// SimulatedService: the key service of the simulation: its limit for each route, and its outages.
#pragma once

#include <vector>

#include "fleet/memory_ledger.hpp"
#include "fleet/simulation.hpp"

namespace extreq::fleet {

class SimulatedService {
 public:
  enum class Answer : std::uint8_t { certificate, limited, away };
  static constexpr Clock::Duration retry_after = std::chrono::seconds(60);  // limited and away

  // `start`: the rollout's start on `clock`, which must outlive the service.
  SimulatedService(const SimulationConfig& config, Clock& clock, Clock::TimePoint start);

  [[nodiscard]] Answer ask(std::uint32_t route);

 private:
  const SimulationConfig& config_;
  Clock& clock_;
  Clock::TimePoint start_;
  MemoryLedger limit_;  // the service's own account of its clients
};

}  // namespace extreq::fleet
