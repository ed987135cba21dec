// extreq/vmm.h for C++: owners instead of destroy calls, the same library behind it.
//
// Failure: a factory throws std::system_error with the errno value and the library's words; nothing
// on the path of a request throws. Lifetime and threading: as in extreq/vmm.h.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include "extreq/vmm.h"

namespace extreq::vmm_api {

inline void check(int result) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), ::extreq_vmm_error());
}

[[nodiscard]] inline std::uint32_t version() noexcept { return ::extreq_vmm_version(); }

// Throws where this /dev/kvm has no certificate exit, with what is missing.
inline void check_kvm(int kvm_fd) { check(::extreq_vmm_kvm_supported(kvm_fd)); }
// Switches the exit on for a VM, before its first vCPU.
inline void enable(int kvm_fd, int vm_fd, int sev_fd) {
  check(::extreq_vmm_kvm_enable(kvm_fd, vm_fd, sev_fd));
}

struct Closer {
  void operator()(extreq_vmm_source* source) const noexcept { ::extreq_vmm_source_close(source); }
  void operator()(::extreq_vmm* vm) const noexcept { ::extreq_vmm_destroy(vm); }
  void operator()(extreq_vmm_vcpu* vcpu) const noexcept { ::extreq_vmm_vcpu_destroy(vcpu); }
};

class Source {
 public:
  [[nodiscard]] static Source blob(const std::string& path) {
    extreq_vmm_source* source = nullptr;
    check(::extreq_vmm_source_open_blob(path.c_str(), &source));
    return Source(source);
  }
  [[nodiscard]] static Source socket(const std::string& path) {
    extreq_vmm_source* source = nullptr;
    check(::extreq_vmm_source_open_socket(path.c_str(), &source));
    return Source(source);
  }
  [[nodiscard]] static Source memory(const void* table, std::size_t size) {
    extreq_vmm_source* source = nullptr;
    check(::extreq_vmm_source_open_memory(table, size, &source));
    return Source(source);
  }
  // A memory source's update. False: leases are held after max_wait_ns, the old table stays.
  [[nodiscard]] bool update_begin(std::uint64_t max_wait_ns) {
    const int result = ::extreq_vmm_source_update_begin(source_.get(), max_wait_ns);
    if (result != -EAGAIN) check(result);
    return result == 0;
  }
  void update_end(const void* table, std::size_t size) {
    check(::extreq_vmm_source_update_end(source_.get(), table, size));
  }
  [[nodiscard]] extreq_vmm_source* get() const noexcept { return source_.get(); }

 private:
  explicit Source(extreq_vmm_source* source) : source_(source) {}
  std::unique_ptr<extreq_vmm_source, Closer> source_;
};

class Vcpu {
 public:
  // KVM_RUN's result, or 0 where the exit is another one.
  [[nodiscard]] int handle(kvm_run* run, const extreq_vmm_memory& memory,
                           std::uint64_t max_wait_ns = EXTREQ_VMM_POLICY_WAIT) noexcept {
    return ::extreq_vmm_vcpu_handle(vcpu_.get(), run, &memory, max_wait_ns);
  }
  // One of the EXTREQ_VMM_ answers.
  [[nodiscard]] int answer() const noexcept { return ::extreq_vmm_vcpu_answer(vcpu_.get()); }
  [[nodiscard]] const char* failure() const noexcept {
    return ::extreq_vmm_vcpu_failure(vcpu_.get());
  }
  [[nodiscard]] extreq_vmm_vcpu* get() const noexcept { return vcpu_.get(); }

 private:
  friend class Vm;
  explicit Vcpu(extreq_vmm_vcpu* vcpu) : vcpu_(vcpu) {}
  std::unique_ptr<extreq_vmm_vcpu, Closer> vcpu_;
};

class Vm {
 public:
  explicit Vm(const Source& source) : Vm(source, nullptr) {}
  Vm(const Source& source, const extreq_vmm_policy& policy) : Vm(source, &policy) {}

  // `vcpu_fd`: what KVM_CREATE_VCPU gave.
  [[nodiscard]] Vcpu create_vcpu(int vcpu_fd) {
    return create_vcpu({sizeof(extreq_vmm_vcpu_config), vcpu_fd, nullptr, nullptr});
  }
  [[nodiscard]] Vcpu create_vcpu(const extreq_vmm_vcpu_config& config) {
    extreq_vmm_vcpu* vcpu = nullptr;
    check(::extreq_vmm_vcpu_create(vm_.get(), &config, &vcpu));
    return Vcpu(vcpu);
  }

 private:
  Vm(const Source& source, const extreq_vmm_policy* policy) {
    ::extreq_vmm* vm = nullptr;
    check(::extreq_vmm_create(source.get(), policy, &vm));
    vm_.reset(vm);
  }
  std::unique_ptr<::extreq_vmm, Closer> vm_;
};

}  // namespace extreq::vmm_api
