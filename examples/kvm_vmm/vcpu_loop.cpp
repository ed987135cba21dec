#include "examples/kvm_vmm/vcpu_loop.hpp"

#include <cerrno>
#include <cstring>

#include "base/try.hpp"

namespace extreq::kvm_vmm {

Status VcpuLoop::run() {
  for (;;) {
    int result = machine_.run();
    if (result == 0) {
      result = extreq_vmm_vcpu_handle(&certificates_, &machine_.page, &machine_.memory,
                                      EXTREQ_VMM_POLICY_WAIT);
      served_ += extreq_vmm_vcpu_answer(&certificates_) == EXTREQ_VMM_CERTIFICATES ? 1 : 0;
    }
    // From here on as without the library. -EAGAIN: the first run of a vCPU that waits for INIT.
    if (result == -EINTR || result == -EAGAIN) {
      ++interrupted_;
      serve_kick();
      continue;
    }
    // The one failure of KVM_RUN that brings an exit along: memory is private where the guest wants
    // it shared, or the other way round.
    const bool fault = result == -EFAULT && machine_.page.exit_reason == KVM_EXIT_MEMORY_FAULT;
    if (result != 0 && !fault) return fail(Code::io, "KVM_RUN: {}", std::strerror(-result));
    EXTREQ_TRY_ASSIGN(const bool goes_on, machine_.other_exit(machine_.page));
    if (!goes_on) return {};
  }
}

// First the byte is cleared, then the flag is looked at: kick() sets them the other way round, so
// that none is lost.
void VcpuLoop::serve_kick() noexcept {
  std::atomic_ref<std::uint8_t>(machine_.page.immediate_exit).store(0);
  if (kicked_.exchange(false)) ++kicks_;  // here a VMM does what it was kicked for
}

void VcpuLoop::kick() noexcept {
  kicked_ = true;
  std::atomic_ref<std::uint8_t>(machine_.page.immediate_exit).store(1);
}

}  // namespace extreq::kvm_vmm
