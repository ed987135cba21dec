#include "hypervisor/certificate_exit.hpp"

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

[[nodiscard]] abi::kvm::Run scribbled() {
  abi::kvm::Run run;
  std::memset(&run, 0xA5, sizeof(run));
  return run;
}

TEST(CertificateExitForms, TheMergedFormIsTheKernels) {
  abi::kvm::Run run = scribbled();
  fill_certificate_exit(ExitAbi::merged, run, 0x123000, 4);
  EXPECT_EQ(run.exit_reason, 43U);
  EXPECT_EQ(run.exit.snp_req_certs.gpa, 0x123000U);
  EXPECT_EQ(run.exit.snp_req_certs.npages, 4U);
  EXPECT_EQ(run.exit.snp_req_certs.ret, 0U);
}

TEST(CertificateExitForms, TheReviewsFormCarriesTheRawEventAndU64Fields) {
  abi::kvm::Run run = scribbled();
  fill_certificate_exit(ExitAbi::review, run, 0xFFFFFFFFFFFFF000, 0xFFFFFFFFFFFFFFFF);
  EXPECT_EQ(run.exit_reason, 40U);
  EXPECT_EQ(run.exit.vmgexit.exit_code, 0x80000012U);
  EXPECT_EQ(run.exit.vmgexit.req_certs.data_gpa, 0xFFFFFFFFFFFFF000U);
  EXPECT_EQ(run.exit.vmgexit.req_certs.data_npages, 0xFFFFFFFFFFFFFFFFU);
  EXPECT_EQ(run.exit.vmgexit.req_certs.ret, 0U);
}

struct Row {
  std::uint64_t ret;
  std::int64_t vmm_error;  // -1: refused
};

void expect_rows(ExitAbi exit_abi, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.ret);
    abi::kvm::Run run{};
    fill_certificate_exit(exit_abi, run, 0x1000, 2);
    if (exit_abi == ExitAbi::merged) {
      run.exit.snp_req_certs.ret = row.ret;
      run.exit.snp_req_certs.npages = 99;
    } else {
      run.exit.vmgexit.req_certs.ret = row.ret;
      run.exit.vmgexit.req_certs.data_npages = 99;
    }
    const auto answer = read_certificate_completion(exit_abi, run);
    if (row.vmm_error < 0) {
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code, Code::invalid_input);
    } else {
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->vmm_error, row.vmm_error);
      EXPECT_EQ(answer->npages, row.vmm_error == 1 ? 99U : 0U);
    }
  }
}

TEST(CertificateExitForms, TheMergedFormKnowsFourAnswersAndRefusesEveryOther) {
  expect_rows(ExitAbi::merged, {{0, 0},
                                {ENOSPC, 1},
                                {EAGAIN, 2},
                                {EIO, 0xFFFFFFFF},
                                {1, -1},
                                {2, -1},
                                {EINVAL, -1},
                                {0xFFFFFFFF, -1},
                                {static_cast<std::uint64_t>(-EIO), -1},
                                {0x100000000, -1},
                                {std::uint64_t{1} << 32 | ENOSPC, -1},
                                {~std::uint64_t{0}, -1}});
}

TEST(CertificateExitForms, TheReviewsFormPassesTheGhcbsErrorsThroughAndRefusesEveryOther) {
  expect_rows(ExitAbi::review, {{0, 0},
                                {1, 1},
                                {2, 2},
                                {0xFFFFFFFF, 0xFFFFFFFF},
                                {3, -1},
                                {ENOSPC, -1},
                                {EAGAIN, -1},
                                {EIO, -1},
                                {0x80000000, -1},
                                {0x100000000, -1},
                                {0x100000001, -1},
                                {0xFFFFFFFE, -1},
                                {~std::uint64_t{0}, -1}});
}

}  // namespace
}  // namespace extreq::hypervisor
