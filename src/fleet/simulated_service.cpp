#include "fleet/simulated_service.hpp"

#include <algorithm>

namespace extreq::fleet {

SimulatedService::SimulatedService(const SimulationConfig& config, Clock& clock,
                                   Clock::TimePoint start)
    : config_(config), clock_(clock), start_(start), limit_(clock) {}

SimulatedService::Answer SimulatedService::ask(std::uint32_t route) {
  const Clock::Duration at = clock_.now() - start_;
  const bool away = std::ranges::any_of(config_.outages, [at](const Outage& outage) {
    return at >= outage.start && at < outage.start + outage.length;
  });
  if (away) return Answer::away;
  const auto wait = limit_.take_token({std::to_string(route), config_.interval, config_.burst});
  return wait && *wait == Clock::Duration::zero() ? Answer::certificate : Answer::limited;
}

}  // namespace extreq::fleet
