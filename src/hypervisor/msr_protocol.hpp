// The MSR protocol (GHCB "GHCB MSR Protocol"): request and answer are the value of one MSR.
//
// Answered as KVM answers an SNP guest: SEV information, preferred GHCB (none), registration of a
// GHCB (never refused), page state change, hypervisor features, termination. Anything else leaves
// the value as it is, which the guest recognises as no answer; that includes CPUID and AP reset
// hold, which KVM emulates and this hypervisor has nothing to emulate with.
#pragma once

#include <cstdint>

#include "hypervisor/outcome.hpp"

namespace extreq::hypervisor {

struct VcpuState;

// What the MSR reads before the guest's first exit.
[[nodiscard]] std::uint64_t ghcb_msr_at_reset(std::uint8_t c_bit) noexcept;

// For a GHCB MSR value whose info bits are not zero.
[[nodiscard]] Outcome handle_msr_protocol(VcpuState& vcpu);

}  // namespace extreq::hypervisor
