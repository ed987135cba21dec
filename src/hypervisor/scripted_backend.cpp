#include "hypervisor/scripted_backend.hpp"

#include <utility>

namespace extreq::hypervisor {

ScriptedBackend& ScriptedBackend::then(Step step) {
  steps_.push_back(std::move(step));
  return *this;
}

ScriptedBackend& ScriptedBackend::then_leave(GuestExit exit) {
  return then([exit](std::uint64_t) -> Result<GuestExit> { return exit; });
}

Result<GuestExit> ScriptedBackend::enter(std::uint64_t ghcb_msr) {
  entries_.push_back(ghcb_msr);
  if (steps_.empty()) return GuestExit{Shutdown{}};
  const Step step = std::move(steps_.front());
  steps_.pop_front();
  return step(ghcb_msr);
}

}  // namespace extreq::hypervisor
