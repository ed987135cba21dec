// NAE events (GHCB "Non-Automatic Exits"): the guest left with its request in its GHCB page.
//
// Checked in KVM's order: the page is there, its fields are fetched and its valid bitmap cleared,
// it is the registered one, usage, SW_EXITCODE and both SW_EXITINFO valid, then the inputs of the
// event. Then both SW_EXITINFO are zeroed and the event is handled. doc/hypervisor.md lists the
// answers.
#pragma once

#include "hypervisor/outcome.hpp"

namespace extreq::hypervisor {

struct VcpuState;

// For a GHCB MSR value whose info bits are zero.
[[nodiscard]] Outcome handle_nae_event(VcpuState& vcpu);

}  // namespace extreq::hypervisor
