#include "hypervisor/vcpu.hpp"

#include <cerrno>
#include <utility>

#include "abi/ghcb.hpp"
#include "hypervisor/msr_protocol.hpp"
#include "hypervisor/nae_event.hpp"
#include "hypervisor/run_area.hpp"

namespace extreq::hypervisor {

Vcpu::Vcpu(VmState& vm, VcpuBackend& backend) : state_(vm), backend_(backend) {
  state_.ghcb_msr = ghcb_msr_at_reset(vm.config.c_bit);
}

int Vcpu::get_regs(abi::kvm::Regs& /*regs*/) const noexcept { return -EINVAL; }
int Vcpu::set_regs(const abi::kvm::Regs& /*regs*/) noexcept { return -EINVAL; }

int Vcpu::run() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    last_failure_.clear();
    return run_locked();
  } catch (...) {
    // Out of memory, or a backend or firmware that throws in spite of its contract.
    return -EIO;
  }
}

int Vcpu::fail_with(const Error& error) {
  last_failure_ = error.message;
  return error.code == Code::invalid_input ? -EINVAL : -EIO;
}

int Vcpu::run_locked() {
  abi::kvm::Run& run = state_.run;
  const bool immediate_exit = load_once(run.immediate_exit) != 0;
  if (load_once(run.kvm_valid_regs) != 0 || load_once(run.kvm_dirty_regs) != 0) {
    return fail_with({Code::invalid_input,
                      "KVM_RUN: the registers of a protected guest cannot be synchronised"});
  }
  if (auto* complete = std::exchange(state_.complete_userspace_io, nullptr); complete != nullptr) {
    const Outcome outcome = complete(state_);
    if (!outcome) return fail_with(outcome.error());
    if (*outcome == Next::user_space) return 0;
  }
  if (immediate_exit) return -EINTR;

  store_once(run.exit_reason, abi::kvm::exit_unknown);
  for (;;) {
    if (state_.ghcb) {
      state_.ghcb->close();
      state_.ghcb.reset();
    }
    const Result<GuestExit> exit = backend_.enter(state_.ghcb_msr);
    if (!exit) return fail_with({Code::io, exit.error().message});
    if (std::holds_alternative<Interrupted>(*exit)) {
      store_once(run.exit_reason, abi::kvm::exit_intr);
      return -EINTR;
    }
    if (std::holds_alternative<Shutdown>(*exit)) {
      store_once(run.exit_reason, abi::kvm::exit_shutdown);
      return 0;
    }
    state_.ghcb_msr = std::get<Vmgexit>(*exit).ghcb_msr;
    const bool is_nae_event =
        abi::ghcb::msr::info(state_.ghcb_msr) == abi::ghcb::msr::info_ghcb_gpa;
    const Outcome outcome = is_nae_event ? handle_nae_event(state_) : handle_msr_protocol(state_);
    if (!outcome) return fail_with(outcome.error());
    if (*outcome == Next::user_space) return 0;
  }
}

}  // namespace extreq::hypervisor
