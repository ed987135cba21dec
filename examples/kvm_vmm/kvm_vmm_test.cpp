// The reference VMM on real KVM: real vCPUs, real EINTR, the library, the firmware model.
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/temporary_directory.hpp"
#include "examples/kvm_vmm/kvm_test_tools.hpp"
#include "examples/kvm_vmm/plain_vmm.hpp"
#include "examples/kvm_vmm/snp_vmm.hpp"
#include "firmware/model/test_authority.hpp"

namespace extreq::kvm_vmm {
namespace {

class KvmVmm : public test::OnKvm {
 protected:
  static PlainResult run(PlainConfig config) {
    config.keys = firmware::model::test_authority_keys();
    auto result = run_plain(config);
    EXPECT_TRUE(result) << result.error().message;
    return result.value_or(PlainResult{});
  }
};

TEST_F(KvmVmm, EveryReportThatAGuestOnRealKvmGetsMatchesItsCertificates) {
  const auto result = run({.vcpus = 2, .requests = 10, .rotate = false, .keys = {}});
  EXPECT_EQ(result.genuine, 20U) << result.first_problem;
  EXPECT_EQ(result.first_problem, "");
  EXPECT_GE(result.served, 20U);
  // Each completing run ended with an EINTR that the kernel gave.
  EXPECT_GE(result.interrupted, result.served);
}

TEST_F(KvmVmm, SoItIsWhileTheKeyChanges) {
  const auto result = run({.vcpus = 4, .requests = 10, .rotate = true, .keys = {}});
  EXPECT_EQ(result.genuine, 40U) << result.first_problem;
  EXPECT_EQ(result.first_problem, "");
  EXPECT_GT(result.rotations, 0U);
}

TEST_F(KvmVmm, AndWhileSignalsHitTheVcpusAllTheTime) {
  const auto result = run({.vcpus = 4, .requests = 10, .rotate = true, .kick = true, .keys = {}});
  EXPECT_EQ(result.genuine, 40U) << result.first_problem;
  EXPECT_EQ(result.first_problem, "");
}

TEST_F(KvmVmm, WithoutSnpTheSnpVmmSaysWhatIsMissing) {
  if (KvmVm::create(4)) GTEST_SKIP() << "SKIPPED: this host has SNP";
  const auto folder = TemporaryDirectory::create("extreq-kvm");
  ASSERT_TRUE(folder);
  const std::string image = folder->path() + "/firmware";
  std::ofstream(image, std::ios::binary) << std::string(4096, '\0');
  const auto ran = run_snp({.firmware = image, .blob = folder->path() + "/host.blob"});
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("KVM_CREATE_VM"), std::string::npos) << ran.error().message;
}

}  // namespace
}  // namespace extreq::kvm_vmm
