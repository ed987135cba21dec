// Whether this machine's KVM has the certificate exit, and switching it on for a VM.
//
// Owner of the protocol: Linux, Documentation/virt/kvm/api.rst (KVM_EXIT_SNP_REQ_CERTS) and
// Documentation/virt/kvm/x86/amd-memory-encryption.rst (KVM_SEV_SNP_ENABLE_REQ_CERTS).
// Threading: any thread.
#pragma once

#include "base/result.hpp"

namespace extreq::vmm {

// ioctl(2), for tests to stand between.
using IoctlCall = int (*)(int fd, unsigned long request, void* argument);
[[nodiscard]] int kernel_ioctl(int fd, unsigned long request, void* argument);

// Asks /dev/kvm, open as `kvm_fd`, for the value of the attribute KVM_X86_SEV_SNP_REQ_CERTS.
// Failure: unsupported, with what is missing: it is no KVM, its kernel is too old to have such
// attributes or the certificate exit, or SNP is off; io.
[[nodiscard]] Status certificate_exit_supported(int kvm_fd, IoctlCall call = kernel_ioctl);

// Effect: asks as above, then makes extended requests of this VM leave to user space. After
// KVM_SEV_INIT2 and before the first vCPU. `sev_fd`: /dev/sev, or -1 if the VMM has none open.
// Failure: unsupported as above, or the VM is not an encrypted one; invalid_input if it is no SNP
// VM or has vCPUs already (KVM does not say which); io. The VM is as it was then: its guests get
// reports with an empty table.
[[nodiscard]] Status enable_certificate_exit(int kvm_fd, int vm_fd, int sev_fd,
                                             IoctlCall call = kernel_ioctl);

}  // namespace extreq::vmm
