// VcpuState: what the handlers of one vCPU's exits work on. Internal to this folder.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/kvm.hpp"
#include "hypervisor/ghcb.hpp"
#include "hypervisor/outcome.hpp"
#include "hypervisor/page_state_change.hpp"
#include "hypervisor/vm_state.hpp"

namespace extreq::hypervisor {

struct VcpuState {
  explicit VcpuState(VmState& vm_state) : vm(vm_state) {}

  VmState& vm;
  abi::kvm::Run run{};
  std::uint64_t ghcb_msr = 0;
  std::optional<std::uint64_t> registered_ghcb;
  std::optional<Ghcb> ghcb;  // during an NAE event, until the guest is entered again

  // Runs first in the next run() after an exit to user space. It is cleared before it is called; a
  // completion that has to run again sets it again.
  Outcome (*complete_userspace_io)(VcpuState&) = nullptr;

  PageStateChange page_state_change;  // of the NAE event under way
};

}  // namespace extreq::hypervisor
