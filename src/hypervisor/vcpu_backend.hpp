// VcpuBackend: what runs the guest's instructions between two exits.
//
// Who implements it: the in-process guest thread of the simulation, and the machine's QEMU.
#pragma once

#include <cstdint>
#include <variant>

#include "base/result.hpp"

namespace extreq::hypervisor {

// The guest executed VMGEXIT: the value that it had put into the GHCB MSR.
struct Vmgexit {
  std::uint64_t ghcb_msr = 0;
};
// Somebody kicked the vCPU (as a signal does it to a thread in KVM_RUN).
struct Interrupted {};
// The guest has ended and executes nothing any more.
struct Shutdown {};

using GuestExit = std::variant<Vmgexit, Interrupted, Shutdown>;

class VcpuBackend {
 public:
  virtual ~VcpuBackend() = default;

  // Effect: lets the guest run, with the GHCB MSR reading `ghcb_msr`, until its next exit. A kick
  // that came while the guest was not running makes the next call return Interrupted at once: a
  // guest that exits again and again can be stopped. What the guest wrote before its exit is
  // visible to the caller, what the caller wrote before is visible to the guest. Failure: an Error
  // when the guest cannot be run any more (its machine is gone). Threading: one call at a time, not
  // always by the same thread. It must not throw.
  [[nodiscard]] virtual Result<GuestExit> enter(std::uint64_t ghcb_msr) = 0;
};

}  // namespace extreq::hypervisor
