#include "hypervisor/vm.hpp"

#include <cerrno>

namespace extreq::hypervisor {

Vm::Vm(const VmConfig& config, GuestMemory& memory, firmware::GuestRequests& requests,
       firmware::GuestHandle guest)
    : state_(config, memory, requests, guest) {}

int Vm::enable_req_certs() {
  const std::lock_guard lock(mutex_);
  if (has_vcpus_) return -EINVAL;
  state_.certificate_exits = true;
  return 0;
}

std::unique_ptr<Vcpu> Vm::create_vcpu(VcpuBackend& backend) {
  const std::lock_guard lock(mutex_);
  has_vcpus_ = true;
  return std::make_unique<Vcpu>(state_, backend);
}

}  // namespace extreq::hypervisor
