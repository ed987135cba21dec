// Vm: one SNP guest as the hypervisor holds it: what its vCPUs share.
//
// Effect: configuration, the guest's memory, its context in the firmware, and the bounce buffers
// through which one guest request at a time travels.
// Lifetime: memory and requests must outlive the Vm, the Vm its vCPUs.
// Threading: any thread.
#pragma once

#include <memory>
#include <mutex>

#include "firmware/guest_requests.hpp"
#include "hypervisor/guest_memory.hpp"
#include "hypervisor/vcpu.hpp"
#include "hypervisor/vcpu_backend.hpp"
#include "hypervisor/vm_config.hpp"
#include "hypervisor/vm_state.hpp"

namespace extreq::hypervisor {

class Vm {
 public:
  Vm(const VmConfig& config, GuestMemory& memory, firmware::GuestRequests& requests,
     firmware::GuestHandle guest);

  // KVM_SEV_SNP_ENABLE_REQ_CERTS: extended requests for a report leave to user space, which brings
  // the certificates. 0, or -EINVAL once a vCPU was created.
  [[nodiscard]] int enable_req_certs();

  // The backend must outlive the vCPU and belongs to it alone.
  [[nodiscard]] std::unique_ptr<Vcpu> create_vcpu(VcpuBackend& backend);

 private:
  VmState state_;
  std::mutex mutex_;
  bool has_vcpus_ = false;  // under mutex_
};

}  // namespace extreq::hypervisor
