#include "hypervisor/termination.hpp"

#include "hypervisor/run_area.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {

Outcome handle_termination(VcpuState& vcpu) noexcept {
  abi::kvm::ExitSystemEvent& exit = vcpu.run.exit.system_event;
  store_once(vcpu.run.exit_reason, abi::kvm::exit_system_event);
  store_once(exit.type, abi::kvm::system_event_sev_term);
  store_once(exit.ndata, 1);
  store_once(exit.data[0], vcpu.ghcb_msr);
  return Next::user_space;
}

}  // namespace extreq::hypervisor
