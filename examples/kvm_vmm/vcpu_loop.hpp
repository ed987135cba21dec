// VcpuLoop: a vCPU's thread in a VMM, with libextreq-vmm's C interface. The lines to copy are here.
//
// Lifetime: everything handed in must outlive it. Threading: run() on the vCPU's thread; kick() by
// any, also while run() is not under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include <linux/kvm.h>

#ifndef KVM_EXIT_MEMORY_FAULT  // Linux 6.8
#define KVM_EXIT_MEMORY_FAULT 39
#endif

#include "base/result.hpp"
#include "extreq/vmm.h"

namespace extreq::kvm_vmm {

class VcpuLoop {
 public:
  struct Machine {
    std::function<int()> run;  // KVM_RUN: 0, or a negative errno value
    kvm_run& page;
    extreq_vmm_memory memory;
    // Every other exit, KVM_EXIT_MEMORY_FAULT among them. True: go on, false: the guest has ended.
    std::function<Result<bool>(kvm_run&)> other_exit;
  };

  VcpuLoop(Machine machine, extreq_vmm_vcpu& certificates)
      : machine_(std::move(machine)), certificates_(certificates) {}

  // Until the guest has ended. Failure: io for a KVM_RUN that failed; as other_exit.
  [[nodiscard]] Status run();

  // Makes the vCPU leave the guest soon. A real VMM also signals the thread.
  void kick() noexcept;

  [[nodiscard]] std::uint64_t served() const noexcept { return served_; }
  [[nodiscard]] std::uint64_t interrupted() const noexcept { return interrupted_; }
  [[nodiscard]] std::uint64_t kicks() const noexcept { return kicks_; }

 private:
  void serve_kick() noexcept;

  Machine machine_;
  extreq_vmm_vcpu& certificates_;
  std::atomic<bool> kicked_{false};
  std::uint64_t served_ = 0;
  std::uint64_t interrupted_ = 0;
  std::uint64_t kicks_ = 0;
};

}  // namespace extreq::kvm_vmm
