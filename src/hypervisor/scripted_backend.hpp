// ScriptedBackend: a guest in slow motion. Each entry into the guest performs the next step of a
// script on the caller's thread: for tests of hypervisors, VMMs and run loops, where a real guest
// would be too clever.
//
// Effect: a step sees what the GHCB MSR reads, changes the guest's memory as it likes and says how
// the guest leaves. When the script is over the guest has shut down.
// Threading: as VcpuBackend; steps are added while no enter() is under way, or by a step.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "hypervisor/vcpu_backend.hpp"

namespace extreq::hypervisor {

class ScriptedBackend final : public VcpuBackend {
 public:
  using Step = std::function<Result<GuestExit>(std::uint64_t ghcb_msr)>;

  ScriptedBackend& then(Step step);
  // A step that only leaves.
  ScriptedBackend& then_leave(GuestExit exit);
  // A step that puts a value into the GHCB MSR and executes VMGEXIT.
  ScriptedBackend& then_vmgexit(std::uint64_t ghcb_msr) { return then_leave(Vmgexit{ghcb_msr}); }

  [[nodiscard]] Result<GuestExit> enter(std::uint64_t ghcb_msr) override;

  // What the MSR read at each entry so far.
  [[nodiscard]] const std::vector<std::uint64_t>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool finished() const noexcept { return steps_.empty(); }

 private:
  std::deque<Step> steps_;
  std::vector<std::uint64_t> entries_;
};

}  // namespace extreq::hypervisor
