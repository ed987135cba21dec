// User space that answers nonsense, and a second thread of it that writes to the run area all the
// time. The guest may be told anything; the hypervisor stays in order.
#include <atomic>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;
using abi::ghcb::Page;

class HostileVmm : public testing::TestWithParam<ExitAbi> {
 protected:
  // All of the run area, word by word, as another thread of user space may write to it.
  void scribble(std::uint32_t seed, const std::atomic<bool>& stop) {
    constexpr std::uint64_t values[] = {0,      1,  2,  5,          EAGAIN,           EIO,
                                        ENOSPC, 40, 43, 0xFFFFFFFF, ~std::uint64_t{0}};
    std::minstd_rand random(seed);
    kvm::Run& run = vm_.run_area();
    while (!stop) {
      const std::uint64_t value = values[random() % std::size(values)];
      const auto store = [](auto& field, std::uint64_t to) {
        using Field = std::remove_reference_t<decltype(field)>;
        std::atomic_ref<Field>(field).store(static_cast<Field>(to), std::memory_order_relaxed);
      };
      switch (random() % 12) {
        case 0:
          store(run.immediate_exit, value);
          break;
        case 1:
          store(run.exit_reason, value);
          break;
        case 2:
          store(run.exit.snp_req_certs.gpa, value);
          break;
        case 3:
          store(run.exit.snp_req_certs.npages, value);
          break;
        case 4:
          store(run.exit.snp_req_certs.ret, value);
          break;
        case 5:
          store(run.exit.vmgexit.req_certs.ret, value);
          break;
        case 6:
          store(run.exit.hypercall.ret, value);
          break;
        case 7:
          store(run.exit.hypercall.args[random() % 6], value);
          break;
        // Rarely, or hardly a run would get anywhere.
        case 8:
          store(run.kvm_valid_regs, random() % 4 == 0 ? value : 0);
          break;
        case 9:
          store(run.kvm_dirty_regs, random() % 4 == 0 ? value : 0);
          break;
        case 10:
          store(run.kvm_valid_regs, 0);
          break;
        default:
          store(run.kvm_dirty_regs, 0);
          break;
      }
    }
  }

  TestVm vm_{{.exit_abi = GetParam()}, TestVm::CertificateExits::on};
};

INSTANTIATE_TEST_SUITE_P(Abi, HostileVmm, testing::Values(ExitAbi::merged, ExitAbi::review),
                         exit_abi_name);

TEST_P(HostileVmm, EveryAnswerLeavesAVmWhoseNextRequestWorks) {
  std::vector<std::uint64_t> answers;
  for (std::uint64_t ret = 0; ret < 256; ++ret) {
    answers.push_back(ret);
    answers.push_back(0xFFFFFFFF - ret);
    answers.push_back(~std::uint64_t{0} - ret);
    answers.push_back(std::uint64_t{1} << 32 | ret);
  }
  std::size_t accepted = 0;
  for (const std::uint64_t ret : answers) {
    SCOPED_TRACE(ret);
    vm_.then_extended_request();
    ASSERT_EQ(vm_.vcpu->run(), 0);
    if (GetParam() == ExitAbi::merged) {
      vm_.run_area().exit.snp_req_certs.ret = ret;
    } else {
      vm_.run_area().exit.vmgexit.req_certs.ret = ret;
    }
    vm_.backend.then_leave(Interrupted{});
    const int result = vm_.vcpu->run();
    if (result == -EINTR) ++accepted;
    if (result == -EINVAL) {
      EXPECT_EQ(vm_.vcpu->run(), -EINTR) << "the guest goes on";
      EXPECT_EQ(vm_.exit_info_1(), 0U);
      EXPECT_EQ(vm_.exit_info_2(), 0U);
    }
    EXPECT_TRUE(result == -EINTR || result == -EINVAL);
  }
  EXPECT_EQ(accepted, 4U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(HostileVmm, ARunAreaWrittenByAnotherThreadGivesDocumentedResultsOnly) {
  std::atomic<bool> stop{false};
  vm_.memory.set_observer(nullptr);
  std::thread scribbler([&] { scribble(1, stop); });
  for (int round = 0; round < 300; ++round) {
    if (round % 3 == 0) {
      vm_.backend.then_vmgexit(0x0010'0000'0000'5014);
    } else if (round % 3 == 1) {
      vm_.then_extended_request();
    } else {
      vm_.then_event(abi::ghcb::event::page_state_change, 0, 0, [](GuestGhcb& ghcb) {
        ghcb.set(offsetof(Page, sw_scratch), TestVm::ghcb_gpa + offsetof(Page, shared_buffer));
        ghcb.write(offsetof(Page, shared_buffer), Bytes{0, 0,    1, 0, 0, 0, 0,    0,  //
                                                        0, 0x50, 0, 0, 0, 0, 0x10, 0,  //
                                                        0, 0x90, 0, 0, 0, 0, 0x10, 0});
      });
    }
  }
  std::size_t runs = 0;
  while (!vm_.backend.finished()) {
    ASSERT_THAT(vm_.vcpu->run(), testing::AnyOf(0, -EINTR, -EINVAL));
    ASSERT_LT(++runs, 10'000'000U);
  }
  stop = true;
  scribbler.join();
  vm_.run_area().kvm_valid_regs = 0;
  vm_.run_area().kvm_dirty_regs = 0;
  vm_.run_area().immediate_exit = 1;
  EXPECT_THAT(vm_.vcpu->run(), testing::AnyOf(0, -EINTR, -EINVAL)) << "what was pending";
  vm_.run_area().immediate_exit = 1;
  EXPECT_THAT(vm_.vcpu->run(), testing::AnyOf(0, -EINTR));
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(HostileVmm, AnExitRewrittenByUserSpaceDoesNotChangeWhatIsPending) {
  // A certificate exit made to look like a page state change, and the other way round.
  vm_.then_extended_request();
  ASSERT_EQ(vm_.vcpu->run(), 0);
  std::memset(&vm_.run_area().exit, 0, sizeof(vm_.run_area().exit));
  vm_.run_area().exit_reason = kvm::exit_hypercall;
  vm_.run_area().exit.hypercall.nr = kvm::hc_map_gpa_range;
  if (GetParam() == ExitAbi::review) vm_.run_area().exit.vmgexit.req_certs.ret = 0;
  const std::uint64_t ret_as_certificates = GetParam() == ExitAbi::merged
                                                ? vm_.run_area().exit.snp_req_certs.ret
                                                : vm_.run_area().exit.vmgexit.req_certs.ret;
  ASSERT_EQ(ret_as_certificates, 0U);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.firmware.call_count(), 1U);

  vm_.backend.then_vmgexit(0x0010'0000'0000'5014);
  ASSERT_EQ(vm_.vcpu->run(), 0);
  vm_.run_area().exit_reason = kvm::exit_snp_req_certs;
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.backend.entries().back(), 0x015U);
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
}

TEST_P(HostileVmm, ServingOneExitTwiceIssuesOneRequest) {
  vm_.then_extended_request();
  ASSERT_EQ(vm_.vcpu->run(), 0);
  vm_.run_area().immediate_exit = 1;
  for (int i = 0; i < 5; ++i) {
    if (GetParam() == ExitAbi::merged) {
      vm_.run_area().exit.snp_req_certs.ret = 0;
    } else {
      vm_.run_area().exit.vmgexit.req_certs.ret = 0;
    }
    EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  }
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
}

}  // namespace
}  // namespace extreq::hypervisor
