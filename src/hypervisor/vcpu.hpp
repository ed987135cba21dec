// Vcpu: one virtual processor, with the contract of KVM's vCPU file descriptor.
//
// Made by Vm::create_vcpu(); must not outlive its Vm or its backend.
#pragma once

#include <mutex>
#include <string>

#include "abi/kvm.hpp"
#include "hypervisor/vcpu_backend.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {

class Vcpu {
 public:
  Vcpu(VmState& vm, VcpuBackend& backend);

  // KVM_RUN. In this order:
  // 1. immediate_exit is read, once;
  // 2. a nonzero kvm_valid_regs or kvm_dirty_regs is refused with -EINVAL: the registers of a
  //    protected guest cannot be synchronised. What is pending stays pending;
  // 3. the exit that user space was asked to serve is completed. If that leaves to user space again
  //    the call returns 0, if it fails a negative value;
  // 4. with immediate_exit the call returns -EINTR;
  // 5. the guest runs until it needs user space.
  // Effect: 0 when run_area() holds an exit for user space; -EINTR after a kick (exit_reason is
  // exit_intr) or for immediate_exit (exit_reason is as it was): both times a pending exit has been
  // completed.
  // Failure: -EINVAL for what KVM calls invalid (an answer of user space that does not exist, a
  // GHCB that is not registered, the unsupported event), -EIO when guest memory cannot be accessed,
  // the firmware did not answer, the backend failed, or something threw (last_failure() is then
  // empty). The vCPU can be run again: the guest goes on with what its GHCB then holds. Threading:
  // any thread; calls on one vCPU wait for each other. Another thread may write to the run area
  // meanwhile: each field is fetched once.
  [[nodiscard]] int run() noexcept;

  // What user space and the vCPU share. Its owner reads and writes it while no run() is under way.
  [[nodiscard]] abi::kvm::Run& run_area() noexcept { return state_.run; }

  // KVM_GET_REGS and KVM_SET_REGS: always -EINVAL, because this guest's registers are protected.
  // The argument is left alone.
  [[nodiscard]] int get_regs(abi::kvm::Regs& regs) const noexcept;
  [[nodiscard]] int set_regs(const abi::kvm::Regs& regs) noexcept;

  // Why the last run() gave -EINVAL or -EIO, in words for a log; empty if it did not. Valid until
  // the next run(), for the thread that called it.
  [[nodiscard]] const std::string& last_failure() const noexcept { return last_failure_; }

 private:
  [[nodiscard]] int run_locked();
  [[nodiscard]] int fail_with(const Error& error);

  VcpuState state_;
  VcpuBackend& backend_;
  std::mutex mutex_;
  std::string last_failure_;
};

}  // namespace extreq::hypervisor
