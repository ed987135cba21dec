// DoorbellVcpu: KVM_RUN as an SNP host's kernel has it, made of two halves: a real vCPU of a plain
// VM, and this project's hypervisor half behind the GHCB MSR.
//
// A guest without SNP cannot VMGEXIT, but it can write the GHCB MSR, and KVM hands that to user
// space (KVM_CAP_X86_USER_SPACE_MSR with a filter). What the kernel would do with a VMGEXIT is done
// here: events are served by hypervisor::Vcpu, and those for the VMM appear in the real vCPU's own
// kvm_run page. So the VMM above sees what it would see on SNP hardware: real pages, real EINTR.
// Threading: the vCPU's thread. Lifetime: vcpu and vm must outlive it.
#pragma once

#include <memory>
#include <optional>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "examples/kvm_vmm/kvm_vm.hpp"
#include "hypervisor/vm.hpp"

namespace extreq::kvm_vmm {

class DoorbellVcpu {
 public:
  DoorbellVcpu(KvmVcpu& vcpu, hypervisor::Vm& vm);

  // KVM_RUN: first completes an exit of the hypervisor half by the answer in the page, then runs
  // the real vCPU, which completes its own.
  [[nodiscard]] int run();

  [[nodiscard]] kvm_run& run_area() const noexcept { return vcpu_.run_area(); }
  [[nodiscard]] const std::string& last_failure() const noexcept { return half_->last_failure(); }

 private:
  // Gives the hypervisor half one VMGEXIT for each ring, and otherwise hands the guest back.
  class Doorbell final : public hypervisor::VcpuBackend {
   public:
    [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t ghcb_msr) override;
    void ring(std::uint64_t value) noexcept { rung_ = value; }
    [[nodiscard]] std::uint64_t ghcb_msr() const noexcept { return ghcb_msr_; }

   private:
    std::optional<std::uint64_t> rung_;
    std::uint64_t ghcb_msr_ = 0;
  };

  [[nodiscard]] int complete_pending();
  [[nodiscard]] int serve_ring();
  void serve_read() noexcept;
  void show_exit() noexcept;

  KvmVcpu& vcpu_;
  Doorbell doorbell_;
  std::unique_ptr<hypervisor::Vcpu> half_;
  bool pending_ = false;  // the page holds an exit of the hypervisor half
};

inline constexpr std::uint32_t ghcb_msr_number = abi::ghcb::msr::number;

}  // namespace extreq::kvm_vmm
