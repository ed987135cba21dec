#include "vmm/kvm_support.hpp"

#include <cerrno>
#include <cstdint>

#include <sys/ioctl.h>

#include "abi/kvm.hpp"
#include "base/try.hpp"

namespace extreq::vmm {
namespace {

namespace kvm = abi::kvm;

constexpr const char* exit_name = "certificate exit (KVM_EXIT_SNP_REQ_CERTS)";

// KVM_CHECK_EXTENSION and others take a number where most ioctls take a pointer.
void* number(std::uintptr_t value) noexcept {
  return reinterpret_cast<void*>(value);  // NOLINT: the kernel's convention
}

}  // namespace

int kernel_ioctl(int fd, unsigned long request, void* argument) {
  return ::ioctl(fd, request, argument);
}

Status certificate_exit_supported(int kvm_fd, IoctlCall call) {
  const int attributes = call(kvm_fd, kvm::ioctl_check_extension, number(kvm::cap_sys_attributes));
  if (attributes < 0) {
    if (errno == ENOTTY) return fail(Code::unsupported, "file {} is not /dev/kvm", kvm_fd);
    return fail_errno("KVM_CHECK_EXTENSION(KVM_CAP_SYS_ATTRIBUTES)");
  }
  if (attributes == 0) {
    return fail(Code::unsupported,
                "{}: this kernel's /dev/kvm has no attributes (KVM_CAP_SYS_ATTRIBUTES): too old",
                exit_name);
  }
  // KVM_HAS_DEVICE_ATTR succeeds on every machine whose kvm_amd was built with SEV: only the value
  // says whether SNP is on.
  std::uint64_t supported = 0;
  kvm::DeviceAttr wanted{
      .flags = 0,
      .group = kvm::x86_grp_sev,
      .attr = kvm::x86_sev_snp_req_certs,
      .addr = reinterpret_cast<std::uintptr_t>(&supported)};  // NOLINT: KVM's way
  if (call(kvm_fd, kvm::ioctl_get_device_attr, &wanted) != 0) {
    if (errno == ENXIO || errno == ENOTTY || errno == EINVAL) {
      return fail(Code::unsupported,
                  "{}: this kernel does not have it (KVM_X86_SEV_SNP_REQ_CERTS): too old, or built "
                  "without SEV",
                  exit_name);
    }
    return fail_errno("KVM_GET_DEVICE_ATTR(KVM_X86_SEV_SNP_REQ_CERTS)");
  }
  if (supported == 0) {
    return fail(
        Code::unsupported,
        "{}: KVM_X86_SEV_SNP_REQ_CERTS is 0, 1 is needed: SNP is off in the firmware's setup "
        "or in kvm_amd (parameter sev_snp)",
        exit_name);
  }
  return {};
}

Status enable_certificate_exit(int kvm_fd, int vm_fd, int sev_fd, IoctlCall call) {
  EXTREQ_TRY(certificate_exit_supported(kvm_fd, call));
  // KVM looks at the descriptor only for commands that reach the firmware. 0 is what it is given
  // for none.
  kvm::SevCmd command{.id = kvm::sev_snp_enable_req_certs,
                      .pad0 = 0,
                      .data = 0,
                      .error = 0,
                      .sev_fd = sev_fd < 0 ? 0U : static_cast<std::uint32_t>(sev_fd)};
  if (call(vm_fd, kvm::ioctl_memory_encrypt_op, &command) == 0) return {};
  if (errno == ENOTTY) {
    return fail(Code::unsupported,
                "{}: not an encrypted VM: it needs KVM_X86_SNP_VM and KVM_SEV_INIT2 first",
                exit_name);
  }
  if (errno == EINVAL) {
    return fail(Code::invalid_input,
                "{}: refused: not an SNP VM after KVM_SEV_INIT2, or it has vCPUs already",
                exit_name);
  }
  return fail_errno("KVM_MEMORY_ENCRYPT_OP(KVM_SEV_SNP_ENABLE_REQ_CERTS)");
}

}  // namespace extreq::vmm
