#include "examples/kvm_vmm/doorbell_vcpu.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace extreq::kvm_vmm {
namespace {

// Both name the union of struct kvm_run that an exit's own fields lie in.
using ExitFields = decltype(abi::kvm::Run::exit);
static_assert(offsetof(kvm_run, hw) == offsetof(abi::kvm::Run, exit));

}  // namespace

Result<hypervisor::GuestExit> DoorbellVcpu::Doorbell::enter(std::uint64_t ghcb_msr) {
  ghcb_msr_ = ghcb_msr;
  if (const auto value = std::exchange(rung_, std::nullopt)) return hypervisor::Vmgexit{*value};
  return hypervisor::Interrupted{};
}

DoorbellVcpu::DoorbellVcpu(KvmVcpu& vcpu, hypervisor::Vm& vm)
    : vcpu_(vcpu), half_(vm.create_vcpu(doorbell_)) {}

int DoorbellVcpu::run() {
  if (pending_) {
    if (const int result = complete_pending(); result != -EINTR) return result;
  }
  for (;;) {
    if (const int result = vcpu_.run(); result != 0) return result;
    const kvm_run& page = vcpu_.run_area();
    const bool ghcb = page.msr.index == ghcb_msr_number;
    if (page.exit_reason == KVM_EXIT_X86_RDMSR && ghcb) {
      serve_read();
    } else if (page.exit_reason == KVM_EXIT_X86_WRMSR && ghcb) {
      if (const int result = serve_ring(); result != -EINTR) return result;
    } else {
      return 0;
    }
  }
}

// -EINTR: done, the guest may go on.
int DoorbellVcpu::complete_pending() {
  kvm_run& page = vcpu_.run_area();
  abi::kvm::Run& half = half_->run_area();
  std::memcpy(&half.exit, &page.hw, sizeof half.exit);
  half.kvm_valid_regs = page.kvm_valid_regs;
  half.kvm_dirty_regs = page.kvm_dirty_regs;
  const int result = half_->run();  // no doorbell has rung, so it comes back after the completion
  if (result == -EINVAL && (page.kvm_valid_regs | page.kvm_dirty_regs) != 0) return result;
  pending_ = result == 0;
  if (result == 0) show_exit();
  if (result == -EINTR) page.msr.error = 0;  // the write of the MSR, which the real vCPU completes
  return result;
}

int DoorbellVcpu::serve_ring() {
  doorbell_.ring(vcpu_.run_area().msr.data);
  const int result = half_->run();
  pending_ = result == 0;
  if (result == 0) show_exit();
  if (result == -EINTR) vcpu_.run_area().msr.error = 0;
  return result;
}

void DoorbellVcpu::serve_read() noexcept {
  kvm_run& page = vcpu_.run_area();
  page.msr.data = doorbell_.ghcb_msr();
  page.msr.error = 0;
}

void DoorbellVcpu::show_exit() noexcept {
  kvm_run& page = vcpu_.run_area();
  page.exit_reason = half_->run_area().exit_reason;
  std::memcpy(&page.hw, &half_->run_area().exit, sizeof(ExitFields));
}

}  // namespace extreq::kvm_vmm
