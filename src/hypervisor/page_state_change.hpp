// Page state changes (GHCB "SNP Page State Change", as NAE event and in the MSR protocol).
//
// They leave to user space as KVM_EXIT_HYPERCALL with KVM_HC_MAP_GPA_RANGE, one exit for each range
// of neighbouring entries with the same operation and page size. The completion of an exit moves
// the guest's buffer on and leaves again for the next range. Private and shared are the operations
// that user space sees; entries with any other one are counted as done.
//
// The guest's buffer is fetched once, when the event begins (KVM fetches it anew for each range): a
// guest that changes it meanwhile changes nothing, and the number of exits is bounded by the number
// of entries.
#pragma once

#include <array>
#include <cstdint>

#include "abi/ghcb.hpp"
#include "hypervisor/outcome.hpp"

namespace extreq::hypervisor {

struct VcpuState;

// The event under way on one vCPU.
struct PageStateChange {
  std::uint64_t buffer_gpa = 0;
  std::size_t next = 0;       // cur_entry
  std::size_t end = 0;        // behind the last entry
  std::size_t in_flight = 0;  // entries of the range that user space was asked to change
  std::array<abi::Le64, abi::ghcb::page_state_change::entry_max> entries{};
};

// For abi::ghcb::event::page_state_change, with a GHCB whose SW_SCRATCH is valid.
[[nodiscard]] Outcome handle_page_state_change(VcpuState& vcpu);

// For abi::ghcb::msr::info_page_state_change_request: one page.
[[nodiscard]] Outcome handle_page_state_change_msr(VcpuState& vcpu);

}  // namespace extreq::hypervisor
