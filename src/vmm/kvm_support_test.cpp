#include "vmm/kvm_support.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/kvm.hpp"
#include "base/unique_fd.hpp"

namespace extreq::vmm {
namespace {

namespace kvm = abi::kvm;
using ::testing::HasSubstr;

constexpr int kvm_fd = 1000;
constexpr int vm_fd = 1001;

// A kernel whose answers are chosen: what each ioctl gives, or minus errno.
struct Kernel {
  int attributes = 1;
  int get_attribute = 0;
  std::uint64_t value = 1;  // of the attribute: Linux 7.3, arch/x86/kvm/svm/sev.c
  int encrypt_op = 0;
  std::vector<std::string> asked;
  kvm::SevCmd command{};
};
Kernel* kernel = nullptr;

int answer(int value) {
  if (value >= 0) return value;
  errno = -value;
  return -1;
}

int scripted(int fd, unsigned long request, void* argument) {
  if (request == kvm::ioctl_check_extension && fd == kvm_fd) {
    kernel->asked.emplace_back("extension");
    return answer(kernel->attributes);
  }
  if (request == kvm::ioctl_has_device_attr && fd == kvm_fd) return 0;  // whatever the value is
  if (request == kvm::ioctl_get_device_attr && fd == kvm_fd) {
    const auto& attribute = *static_cast<const kvm::DeviceAttr*>(argument);
    EXPECT_EQ(attribute.group, kvm::x86_grp_sev);
    EXPECT_EQ(attribute.attr, kvm::x86_sev_snp_req_certs);
    kernel->asked.emplace_back("attribute");
    if (kernel->get_attribute == 0) {
      *reinterpret_cast<std::uint64_t*>(attribute.addr) = kernel->value;  // NOLINT: KVM's way
    }
    return answer(kernel->get_attribute);
  }
  if (request == kvm::ioctl_memory_encrypt_op && fd == vm_fd) {
    kernel->command = *static_cast<const kvm::SevCmd*>(argument);
    kernel->asked.emplace_back("enable");
    return answer(kernel->encrypt_op);
  }
  ADD_FAILURE() << "ioctl " << std::hex << request << " on " << std::dec << fd;
  return answer(-ENOTTY);
}

class KvmSupport : public ::testing::Test {
 protected:
  KvmSupport() { kernel = &kernel_; }
  ~KvmSupport() override { kernel = nullptr; }
  Kernel kernel_;
};

TEST_F(KvmSupport, TheExitIsSwitchedOnAfterTheKernelSaidThatItHasIt) {
  ASSERT_TRUE(enable_certificate_exit(kvm_fd, vm_fd, 7, scripted));
  EXPECT_EQ(kernel_.asked, (std::vector<std::string>{"extension", "attribute", "enable"}));
  EXPECT_EQ(kernel_.command.id, 103U);
  EXPECT_EQ(kernel_.command.sev_fd, 7U);
}

TEST_F(KvmSupport, AKernelWithoutTheExitIsNotAskedToSwitchItOn) {
  kernel_.get_attribute = -ENXIO;
  const auto enabled = enable_certificate_exit(kvm_fd, vm_fd, -1, scripted);
  ASSERT_FALSE(enabled);
  EXPECT_EQ(enabled.error().code, Code::unsupported);
  EXPECT_THAT(enabled.error().message, HasSubstr("KVM_X86_SEV_SNP_REQ_CERTS"));
  EXPECT_EQ(kernel_.asked, (std::vector<std::string>{"extension", "attribute"}));
}

TEST_F(KvmSupport, AHostWhoseSnpIsOffHasTheAttributeButNotTheExit) {
  kernel_.value = 0;
  const auto enabled = enable_certificate_exit(kvm_fd, vm_fd, -1, scripted);
  ASSERT_FALSE(enabled);
  EXPECT_EQ(enabled.error().code, Code::unsupported);
  EXPECT_THAT(enabled.error().message, HasSubstr("SNP is off"));
  EXPECT_EQ(kernel_.asked, (std::vector<std::string>{"extension", "attribute"}));
}

TEST_F(KvmSupport, AnOldKernelHasNoAttributesToAskFor) {
  kernel_.attributes = 0;
  const auto supported = certificate_exit_supported(kvm_fd, scripted);
  ASSERT_FALSE(supported);
  EXPECT_EQ(supported.error().code, Code::unsupported);
  EXPECT_EQ(kernel_.asked, (std::vector<std::string>{"extension"}));
}

TEST_F(KvmSupport, TheWrongOrderAndAPlainVmAreToldApart) {
  kernel_.encrypt_op = -EINVAL;
  auto enabled = enable_certificate_exit(kvm_fd, vm_fd, -1, scripted);
  ASSERT_FALSE(enabled);
  EXPECT_EQ(enabled.error().code, Code::invalid_input);
  EXPECT_THAT(enabled.error().message, HasSubstr("vCPUs"));
  kernel_.encrypt_op = -ENOTTY;
  enabled = enable_certificate_exit(kvm_fd, vm_fd, -1, scripted);
  ASSERT_FALSE(enabled);
  EXPECT_EQ(enabled.error().code, Code::unsupported);
  EXPECT_THAT(enabled.error().message, HasSubstr("KVM_SEV_INIT2"));
}

TEST_F(KvmSupport, AFileThatIsNoKvmIsSaidToBeNone) {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto supported = certificate_exit_supported(file.get());
  ASSERT_FALSE(supported);
  EXPECT_EQ(supported.error().code, Code::unsupported);
  EXPECT_THAT(supported.error().message, HasSubstr("not /dev/kvm"));
}

}  // namespace
}  // namespace extreq::vmm
