#include "hypervisor/vcpu.hpp"

#include <atomic>
#include <new>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;
using testing::HasSubstr;

class VcpuRun : public testing::Test {
 protected:
  // A certificate exit is pending.
  void leave_for_certificates() {
    vm_.then_extended_request();
    ASSERT_EQ(vm_.vcpu->run(), 0);
    ASSERT_EQ(vm_.run_area().exit_reason, kvm::exit_snp_req_certs);
  }

  TestVm vm_{{}, TestVm::CertificateExits::on};
};

TEST_F(VcpuRun, CertificateExitsMustBeEnabledBeforeTheFirstVcpu) {
  Bytes bytes(4096);
  GuestMemory memory;
  ScriptedGuestRequests firmware;
  ScriptedBackend backend;
  Vm vm({}, memory, firmware, firmware::GuestHandle{1});
  EXPECT_EQ(vm.enable_req_certs(), 0);
  EXPECT_EQ(vm.enable_req_certs(), 0) << "again is no mistake";
  const auto vcpu = vm.create_vcpu(backend);
  EXPECT_EQ(vm.enable_req_certs(), -EINVAL);
}

TEST_F(VcpuRun, EnablingThemTooLateLeavesThemOff) {
  TestVm vm;
  EXPECT_EQ(vm.vm.enable_req_certs(), -EINVAL);
  vm.then_extended_request();
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.exit_info_2(), 0U);
}

TEST_F(VcpuRun, RegistersOfAProtectedGuestAreRefusedAndLeftAlone) {
  kvm::Regs regs{};
  regs.rbx = 5;
  EXPECT_EQ(vm_.vcpu->get_regs(regs), -EINVAL);
  EXPECT_EQ(vm_.vcpu->set_regs(regs), -EINVAL);
  EXPECT_EQ(regs.rbx, 5U);
  EXPECT_EQ(regs.rip, 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(VcpuRun, SynchronisedRegistersAreRefusedBeforeAnyCompletion) {
  leave_for_certificates();
  for (const std::uint64_t flags :
       {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{1} << 63}) {
    vm_.run_area().kvm_valid_regs = flags;
    EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
    vm_.run_area().kvm_valid_regs = 0;
    vm_.run_area().kvm_dirty_regs = flags;
    EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
    EXPECT_THAT(vm_.vcpu->last_failure(), HasSubstr("protected guest"));
    vm_.run_area().kvm_dirty_regs = 0;
  }
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR) << "the exit was still pending";
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
}

TEST_F(VcpuRun, SynchronisedRegistersComeBeforeImmediateExitToo) {
  leave_for_certificates();
  vm_.run_area().immediate_exit = 1;
  vm_.run_area().kvm_dirty_regs = 1;
  EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
}

TEST_F(VcpuRun, ImmediateExitWithNothingPendingDoesNotEnterTheGuest) {
  const std::size_t entries = vm_.backend.entries().size();
  vm_.run_area().immediate_exit = 255;
  vm_.run_area().exit_reason = 99;
  EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  EXPECT_EQ(vm_.backend.entries().size(), entries);
  EXPECT_EQ(vm_.run_area().exit_reason, 99U) << "as it was: it says nothing about this run";
}

TEST_F(VcpuRun, ImmediateExitAfterEveryEndOfARun) {
  const auto expect_eintr = [this](const char* state) {
    const std::size_t entries = vm_.backend.entries().size();
    vm_.run_area().immediate_exit = 1;
    EXPECT_EQ(vm_.vcpu->run(), -EINTR) << state;
    EXPECT_EQ(vm_.backend.entries().size(), entries) << state;
    vm_.run_area().immediate_exit = 0;
  };
  expect_eintr("after an interruption");
  leave_for_certificates();
  expect_eintr("with certificates pending");
  leave_for_certificates();
  vm_.run_area().exit.snp_req_certs.ret = EINVAL;
  EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
  expect_eintr("after an answer that does not exist");
  vm_.then_event(abi::ghcb::event::unsupported_event, 0, 0);
  EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
  expect_eintr("after the unsupported event");
  vm_.then_event(abi::ghcb::event::termination_request, 0, 0);
  EXPECT_EQ(vm_.vcpu->run(), 0);
  expect_eintr("after a termination request");
  vm_.backend.then_vmgexit(0x0010'0000'0000'5014);
  EXPECT_EQ(vm_.vcpu->run(), 0);
  expect_eintr("with a page state change pending");
  EXPECT_EQ(vm_.vcpu->run(), 0);
  EXPECT_EQ(vm_.run_area().exit_reason, kvm::exit_shutdown);
  expect_eintr("after shutdown");
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(VcpuRun, AnErrorOfTheCompletionComesBeforeImmediateExit) {
  leave_for_certificates();
  vm_.run_area().exit.snp_req_certs.ret = 12345;
  vm_.run_area().immediate_exit = 1;
  EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
  EXPECT_EQ(vm_.vcpu->run(), -EINTR) << "the completion runs once, whatever comes of it";
}

TEST_F(VcpuRun, AKickIsReportedAsInterrupted) {
  vm_.backend.then_leave(Interrupted{});
  EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  EXPECT_EQ(vm_.run_area().exit_reason, kvm::exit_intr);
}

TEST_F(VcpuRun, AGuestThatEndsIsReportedAsShutdownEachTime) {
  EXPECT_EQ(vm_.vcpu->run(), 0);
  EXPECT_EQ(vm_.run_area().exit_reason, kvm::exit_shutdown);
  EXPECT_EQ(vm_.vcpu->run(), 0);
  EXPECT_EQ(vm_.run_area().exit_reason, kvm::exit_shutdown);
}

TEST_F(VcpuRun, ABackendThatFailsEndsTheRunWithEio) {
  vm_.backend.then(
      [](std::uint64_t) -> Result<GuestExit> { return fail(Code::closed, "QEMU ended"); });
  EXPECT_EQ(vm_.vcpu->run(), -EIO);
  EXPECT_EQ(vm_.vcpu->last_failure(), "QEMU ended");
  vm_.backend.then(
      [](std::uint64_t) -> Result<GuestExit> { return fail(Code::invalid_input, "?"); });
  EXPECT_EQ(vm_.vcpu->run(), -EIO) << "whatever its code: it is the host's";
}

TEST_F(VcpuRun, AnExceptionOfBackendOrFirmwareEndsTheRunWithEio) {
  vm_.backend.then([](std::uint64_t) -> Result<GuestExit> { throw std::bad_alloc(); });
  EXPECT_EQ(vm_.vcpu->run(), -EIO);
  vm_.firmware.then([](auto, auto) -> Result<abi::snp::CommandStatus> { throw 1; });
  vm_.then_guest_request();
  EXPECT_EQ(vm_.vcpu->run(), -EIO);
  EXPECT_TRUE(vm_.next_request_works()) << "no lock is left behind";
}

TEST_F(VcpuRun, RunningWithoutServingTheExitIsItsAnswerZero) {
  leave_for_certificates();
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.exit_info_2(), 0U);
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
}

TEST_F(VcpuRun, AGuestThatOnlyExitsForNothingCanBeStoppedByAKick) {
  std::atomic<bool> kicked{false};
  class Spinning final : public VcpuBackend {
   public:
    explicit Spinning(std::atomic<bool>& stop) : stop_(stop) {}
    Result<GuestExit> enter(std::uint64_t) override {
      ++entries_;
      if (stop_) return GuestExit{Interrupted{}};
      return GuestExit{Vmgexit{0}};
    }
    [[nodiscard]] std::uint64_t entries() const { return entries_; }

   private:
    std::atomic<bool>& stop_;
    std::atomic<std::uint64_t> entries_{0};
  } backend(kicked);
  const auto vcpu = vm_.vm.create_vcpu(backend);
  std::thread thread([&] { EXPECT_EQ(vcpu->run(), -EINTR); });
  while (backend.entries() < 1000) std::this_thread::yield();
  kicked = true;
  thread.join();
}

TEST_F(VcpuRun, TwoThreadsThatRunOneVcpuWaitForEachOther) {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  for (int i = 0; i < 20; ++i) {
    vm_.backend.then([&](std::uint64_t) -> Result<GuestExit> {
      ++inside;
      // The other thread gets every chance to be here too.
      for (int wait = 0; wait < 500 && most < 2; ++wait) {
        most = std::max(most.load(), inside.load());
        std::this_thread::yield();
      }
      --inside;
      return GuestExit{Interrupted{}};
    });
  }
  const auto run = [&] {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  };
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(most, 1);
  EXPECT_TRUE(vm_.backend.finished());
}

}  // namespace
}  // namespace extreq::hypervisor
