// A VMM for an SNP VM on a host that has SNP: one vCPU, a firmware image that ends at 4 GiB, RAM
// below, and libextreq-vmm for the guest's certificate requests.
//
// It shows the order of calls; it is no machine. It lacks a CPUID page (page type 6) and
// KVM_SET_CPUID2, an interrupt controller, and all port I/O and MMIO, so no firmware that exists
// gets past its first OUT. Each step names the kernel's call, as in
// Documentation/virt/kvm/x86/amd-memory-encryption.rst.
#pragma once

#include <string>

#include "base/result.hpp"

namespace extreq::kvm_vmm {

struct SnpConfig {
  std::string firmware;  // the image: a multiple of 4096 bytes
  std::string blob;      // the host's certificates
};

// Until the guest ends. Failure: unsupported where the host has no SNP, or no certificate exit,
// with what is missing; io with the step that failed.
[[nodiscard]] Status run_snp(const SnpConfig& config);

}  // namespace extreq::kvm_vmm
