// The guest asks for its end (GHCB "Termination Request", as NAE event and in the MSR protocol):
// user space is told with KVM_EXIT_SYSTEM_EVENT of type SEV_TERM, whose datum is the GHCB MSR's
// value. It decides what becomes of the VM; if it runs the vCPU again the guest goes on.
#pragma once

#include "hypervisor/outcome.hpp"

namespace extreq::hypervisor {

struct VcpuState;

[[nodiscard]] Outcome handle_termination(VcpuState& vcpu) noexcept;

}  // namespace extreq::hypervisor
