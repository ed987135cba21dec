// extreq/vmm.h for C++: owners instead of destroy calls, the same library behind it.
//
// Failure: a factory throws std::system_error with the errno value and the library's words; nothing
// on the path of a request throws. Lifetime and threading: as in extreq/vmm.h.
#pragma once

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
  [[nodiscard]] static Source memory(const void* table, std::size_t size) {
    extreq_vmm_source* source = nullptr;
    check(::extreq_vmm_source_open_memory(table, size, &source));
    return Source(source);
  }
  [[nodiscard]] extreq_vmm_source* get() const noexcept { return source_.get(); }

 private:
  explicit Source(extreq_vmm_source* source) : source_(source) {}
  std::unique_ptr<extreq_vmm_source, Closer> source_;
};

class Vcpu {
 public:
  // One of the EXTREQ_VMM_ answers.
  [[nodiscard]] int handle(kvm_run* run, const extreq_vmm_memory& memory,
                           std::uint64_t max_wait_ns = EXTREQ_VMM_POLICY_WAIT) noexcept {
    return ::extreq_vmm_vcpu_handle(vcpu_.get(), run, &memory, max_wait_ns);
  }
  // True: clear immediate_exit, then look at your own kick flag.
  [[nodiscard]] bool after_run(int result) noexcept {
    return ::extreq_vmm_vcpu_after_run(vcpu_.get(), result) == EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT;
  }
  void dead() noexcept { ::extreq_vmm_vcpu_dead(vcpu_.get()); }
  bool drop(kvm_run* run) noexcept { return ::extreq_vmm_vcpu_drop(vcpu_.get(), run) == 1; }
  [[nodiscard]] bool lease_held() const noexcept {
    return ::extreq_vmm_vcpu_lease_held(vcpu_.get()) == 1;
  }
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

  [[nodiscard]] Vcpu create_vcpu() {
    extreq_vmm_vcpu* vcpu = nullptr;
    check(::extreq_vmm_vcpu_create(vm_.get(), &vcpu));
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
