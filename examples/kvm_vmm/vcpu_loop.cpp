#include "examples/kvm_vmm/vcpu_loop.hpp"

#include <cerrno>
#include <cstring>

#include "base/try.hpp"

namespace extreq::kvm_vmm {

Status VcpuLoop::run() {
  for (;;) {
    const int result = machine_.run();
    const bool armed =
        extreq_vmm_vcpu_after_run(&certificates_, result) == EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT;
    if (armed || result == -EINTR) {
      extreq_vmm_clear_immediate_exit(&machine_.page);
      if (kicked_.exchange(false)) ++kicks_;  // only after clearing: here a VMM serves its kick
    }
    if (result == -EINTR) {
      ++interrupted_;
      continue;
    }
    if (result != 0) {
      extreq_vmm_vcpu_dead(&certificates_);
      return fail(Code::io, "KVM_RUN: {}", std::strerror(-result));
    }
    const int served = extreq_vmm_vcpu_handle(&certificates_, &machine_.page, &machine_.memory,
                                              EXTREQ_VMM_POLICY_WAIT);
    if (served != EXTREQ_VMM_NOT_OURS) {
      served_ += served == EXTREQ_VMM_CERTIFICATES ? 1 : 0;
      continue;
    }
    EXTREQ_TRY_ASSIGN(const bool goes_on, machine_.other_exit(machine_.page));
    if (!goes_on) return {};
  }
}

void VcpuLoop::kick() noexcept {
  kicked_ = true;
  std::atomic_ref<std::uint8_t>(machine_.page.immediate_exit).store(1, std::memory_order_relaxed);
}

}  // namespace extreq::kvm_vmm
