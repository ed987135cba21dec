// KvmVm and KvmVcpu: the few calls of /dev/kvm that both VMMs of this folder make.
//
// Owner of the interface: Linux, Documentation/virt/kvm/api.rst.
// Failure: io with the call's name and errno's text; not_found or io if /dev/kvm cannot be opened.
// Lifetime: memory given to a VM must outlive it; a vCPU must not outlive its VM. Threading: a
// vCPU's calls are its thread's.
#pragma once

#include <cstdint>

#include <linux/kvm.h>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace extreq::kvm_vmm {

// An anonymous mapping, page aligned.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] static Result<Mapping> anonymous(std::size_t size);
  [[nodiscard]] static Result<Mapping> of_file(int fd, std::size_t size);

  [[nodiscard]] MutableByteView bytes() const noexcept { return bytes_; }

 private:
  MutableByteView bytes_;
};

class KvmVcpu {
 public:
  // KVM_RUN: 0, or a negative errno value.
  [[nodiscard]] int run() noexcept;
  // Mapped from the kernel, and shared with it.
  [[nodiscard]] kvm_run& run_area() const noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // Real mode, at `ip` in segment 0, with data at segment base `data_base`.
  [[nodiscard]] Status start_in_real_mode(std::uint16_t ip, std::uint64_t data_base);
  [[nodiscard]] Result<kvm_regs> registers() const;

 private:
  friend class KvmVm;
  UniqueFd fd_;
  Mapping run_;
};

class KvmVm {
 public:
  // `type`: 0 for a plain VM, or a KVM_X86_ type.
  [[nodiscard]] static Result<KvmVm> create(unsigned long type);

  [[nodiscard]] int kvm_fd() const noexcept { return kvm_.get(); }
  [[nodiscard]] int fd() const noexcept { return vm_.get(); }

  [[nodiscard]] Status add_memory(std::uint32_t slot, std::uint64_t gpa, MutableByteView bytes);
  [[nodiscard]] Status enable(std::uint32_t capability, std::uint64_t argument);
  // Reads and writes of one MSR leave to user space (KVM_CAP_X86_USER_SPACE_MSR with a filter).
  [[nodiscard]] Status intercept_msr(std::uint32_t msr);
  [[nodiscard]] Result<KvmVcpu> create_vcpu(unsigned number);

 private:
  UniqueFd kvm_;
  UniqueFd vm_;
};

// ioctl(2) with a pointer argument.
[[nodiscard]] Status kvm_call(int fd, unsigned long request, void* argument, const char* name);

}  // namespace extreq::kvm_vmm
