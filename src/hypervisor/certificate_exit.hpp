// The exit by which user space is asked for certificates, in both forms: doc/user-exit.md.
#pragma once

#include <cstdint>

#include "abi/kvm.hpp"
#include "base/result.hpp"
#include "hypervisor/vm_config.hpp"

namespace extreq::hypervisor {

// Fills the run area: reason, the guest's RAX and RBX verbatim, ret = 0.
void fill_certificate_exit(ExitAbi exit_abi, abi::kvm::Run& run, std::uint64_t gpa,
                           std::uint64_t npages) noexcept;

struct CertificateCompletion {
  std::uint32_t vmm_error = 0;  // what the guest is told; none: the certificates are in place
  std::uint64_t npages = 0;     // pages needed, as user space says; only with INVALID_LEN
};

// Reads user space's answer, each field once. Failure: invalid_input for a `ret` that does not
// exist in this form.
[[nodiscard]] Result<CertificateCompletion> read_certificate_completion(ExitAbi exit_abi,
                                                                        abi::kvm::Run& run);

}  // namespace extreq::hypervisor
