// What src/vmm relies on, checked on the running kernel: when a pending exit is completed, and what
// KVM_RUN then gives. The exit is a port input, because its completion can be seen from outside:
// the instruction ends and AL holds what user space answered.
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "abi/kvm.hpp"
#include "examples/kvm_vmm/kvm_test_tools.hpp"
#include "extreq/vmm.h"

namespace extreq::kvm_vmm {
namespace {

constexpr std::uint16_t code_at = 0x1000;
constexpr std::uint8_t answer = 0x5A;
// in al, 0x10; jmp back
constexpr std::array<std::uint8_t, 4> input_loop{0xE4, 0x10, 0xEB, 0xFC};
constexpr std::uint64_t after_input = code_at + 2;

class KvmContract : public test::OnKvm {
 protected:
  void SetUp() override {
    OnKvm::SetUp();
    if (IsSkipped()) return;
    prepare_vm();
    memory_ = *Mapping::anonymous(0x10000);
    std::copy(input_loop.begin(), input_loop.end(), memory_.bytes().begin() + code_at);
    ASSERT_TRUE(vm_.add_memory(0, 0, memory_.bytes()));
    auto vcpu = vm_.create_vcpu(0);
    ASSERT_TRUE(vcpu);
    vcpu_ = *std::move(vcpu);
    ASSERT_TRUE(vcpu_.start_in_real_mode(code_at, 0));
  }

  // Before the vCPU.
  virtual void prepare_vm() {}

  // The guest waits for its input, which is answered but not completed yet.
  void leave_an_input_pending() {
    ASSERT_EQ(vcpu_.run(), 0);
    kvm_run& run = vcpu_.run_area();
    ASSERT_EQ(run.exit_reason, static_cast<std::uint32_t>(KVM_EXIT_IO));
    ASSERT_EQ(run.io.direction, KVM_EXIT_IO_IN);
    auto* const page = static_cast<std::uint8_t*>(static_cast<void*>(&run));
    page[run.io.data_offset] = answer;
    EXPECT_FALSE(completed());
  }
  bool completed() {
    const auto registers = *vcpu_.registers();
    return registers.rip == after_input && (registers.rax & 0xFF) == answer;
  }

  Mapping memory_;
  KvmVcpu vcpu_;
};

TEST_F(KvmContract, ImmediateExitCompletesAPendingExitBeforeItGivesEintr) {
  leave_an_input_pending();
  vcpu_.run_area().immediate_exit = 1;
  EXPECT_EQ(vcpu_.run(), -EINTR);
  EXPECT_TRUE(completed());
}

TEST_F(KvmContract, ASignalsEintrMeansThatThePendingExitWasCompletedToo) {
  leave_an_input_pending();
  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  struct sigaction ignore_it {};
  ignore_it.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &ignore_it, nullptr), 0);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &signals, &before), 0);
  // In KVM_RUN nothing is blocked: the signal that is pending already interrupts it for certain.
  // struct kvm_signal_mask: the length of the kernel's signal set, and an empty one. Its size, and
  // with it the request's number, comes out wrong where a C++ compiler reads the kernel's header.
  constexpr unsigned long set_signal_mask = _IOW(KVMIO, 0x8b, std::uint32_t);
  const std::array<std::uint32_t, 3> mask{sizeof(std::uint64_t), 0, 0};
  ASSERT_EQ(::ioctl(vcpu_.fd(), set_signal_mask, mask.data()), 0);
  ASSERT_EQ(::pthread_kill(::pthread_self(), SIGUSR1), 0);
  EXPECT_EQ(vcpu_.run(), -EINTR);
  EXPECT_TRUE(completed());
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST_F(KvmContract, BadSyncBitsAreRefusedBeforeThePendingExitIsCompleted) {
  if (::ioctl(vm_.kvm_fd(), KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) <= 0) {
    GTEST_SKIP() << "SKIPPED: this kernel synchronises no registers";
  }
  leave_an_input_pending();
  vcpu_.run_area().kvm_dirty_regs = 1U << 20;
  EXPECT_EQ(vcpu_.run(), -EINVAL);
  EXPECT_FALSE(completed());
  vcpu_.run_area().kvm_dirty_regs = 0;
  vcpu_.run_area().immediate_exit = 1;
  EXPECT_EQ(vcpu_.run(), -EINTR);
  EXPECT_TRUE(completed());
}

// With the local APIC in the kernel a vCPU has states other than "runnable".
class KvmContractWithApic : public KvmContract {
 protected:
  void prepare_vm() override {
    constexpr unsigned long tss_address = 0xFFFBD000;  // Intel needs three pages for itself
    static_cast<void>(::ioctl(vm_.fd(), KVM_SET_TSS_ADDR, tss_address));
    ASSERT_EQ(::ioctl(vm_.fd(), KVM_CREATE_IRQCHIP, 0), 0);
  }
  void set_state(std::uint32_t state) {
    kvm_mp_state mp{state};
    ASSERT_EQ(::ioctl(vcpu_.fd(), KVM_SET_MP_STATE, &mp), 0);
  }
};

TEST_F(KvmContractWithApic, AResetBeforeTheRunComesBeforeTheCompletion) {
  leave_an_input_pending();
  set_state(KVM_MP_STATE_UNINITIALIZED);
  vcpu_.run_area().immediate_exit = 1;
  EXPECT_EQ(vcpu_.run(), -EINTR);
  EXPECT_FALSE(completed());
  set_state(KVM_MP_STATE_RUNNABLE);
  vcpu_.run_area().immediate_exit = 1;
  EXPECT_EQ(vcpu_.run(), -EINTR);
  EXPECT_TRUE(completed());
}

TEST_F(KvmContract, AKernelWithoutTheCertificateExitIsNamedAsSuch) {
  const int supported = extreq_vmm_kvm_supported(vm_.kvm_fd());
  if (supported == 0) GTEST_SKIP() << "SKIPPED: this kernel has the certificate exit";
  EXPECT_EQ(supported, -EOPNOTSUPP);
  EXPECT_EQ(extreq_vmm_kvm_enable(vm_.kvm_fd(), vm_.fd(), -1), -EOPNOTSUPP);
  EXPECT_STRNE(extreq_vmm_error(), "");
}

// One table entry, the closing one, and its data.
Bytes small_table() {
  Bytes table(200, 7);
  std::fill(table.begin() + 24, table.begin() + 48, 0);
  const std::array<std::uint8_t, 8> place{48, 0, 0, 0, 152, 0, 0, 0};
  std::copy(place.begin(), place.end(), table.begin() + 16);
  return table;
}

class LibraryOnKvm : public KvmContract {
 protected:
  static constexpr std::uint64_t window = 0x4000;

  void SetUp() override {
    KvmContract::SetUp();
    if (IsSkipped()) return;
    const Bytes table = small_table();
    ASSERT_EQ(extreq_vmm_source_open_memory(table.data(), table.size(), &source_), 0);
    ASSERT_EQ(extreq_vmm_create(source_, nullptr, &certificates_), 0);
    const extreq_vmm_vcpu_config config{sizeof config, vcpu_.fd(), nullptr, nullptr};
    ASSERT_EQ(extreq_vmm_vcpu_create(certificates_, &config, &library_), 0);
  }
  void TearDown() override {
    extreq_vmm_vcpu_destroy(library_);
    extreq_vmm_destroy(certificates_);
    extreq_vmm_source_close(source_);
    KvmContract::TearDown();
  }
  abi::kvm::Run& view() {
    return *static_cast<abi::kvm::Run*>(static_cast<void*>(&vcpu_.run_area()));
  }
  int handle() {
    return extreq_vmm_vcpu_handle(library_, &vcpu_.run_area(), &memory_, EXTREQ_VMM_POLICY_WAIT);
  }

  extreq_vmm_source* source_ = nullptr;
  extreq_vmm* certificates_ = nullptr;
  extreq_vmm_vcpu* library_ = nullptr;
  Bytes pages_ = Bytes(3 * 4096, 0xCC);  // the guest's page, between two that are not
  extreq_vmm_region region_{window, pages_.data() + 4096, 4096};
  extreq_vmm_memory memory_{nullptr, nullptr, &region_, 1};
};

// The pending exit is the input's; the page shows one of ours in its place.
TEST_F(LibraryOnKvm, TheLibrarysOwnKvmRunCompletesAndLeavesNothingPending) {
  leave_an_input_pending();
  view().exit_reason = abi::kvm::exit_snp_req_certs;
  view().exit.snp_req_certs = {.gpa = window, .npages = 1, .ret = 0};
  EXPECT_EQ(handle(), -EINTR);
  EXPECT_EQ(extreq_vmm_vcpu_answer(library_), EXTREQ_VMM_CERTIFICATES);
  EXPECT_TRUE(completed());
  EXPECT_EQ(view().immediate_exit, 0);
  EXPECT_EQ(view().exit.snp_req_certs.ret, abi::kvm::req_certs_busy);
  EXPECT_EQ(extreq_vmm_source_update_begin(source_, 0), 0) << "a lease is still held";
}

// The page is the kernel's and ours; here a second thread writes to all that the library reads.
TEST_F(LibraryOnKvm, ARunAreaThatAnotherThreadWritesToDoesNotConfuseTheLibrary) {
  std::atomic<bool> stop{false};
  std::thread scribbler([&] {
    const auto store = [](auto& field, std::uint64_t value) {
      using Field = std::remove_reference_t<decltype(field)>;
      std::atomic_ref<Field>(field).store(static_cast<Field>(value), std::memory_order_relaxed);
    };
    for (std::uint64_t i = 0; !stop; ++i) {
      store(view().exit_reason, i % 3 == 0 ? 0 : abi::kvm::exit_snp_req_certs);
      store(view().exit.snp_req_certs.gpa, i % 5 == 0 ? ~0ULL - 4095 : window + (i % 4) * 4096);
      store(view().exit.snp_req_certs.npages, i % 7 == 0 ? ~0ULL : i % 3);
      store(view().exit.snp_req_certs.ret, i);
      store(view().immediate_exit, i);
    }
  });
  int certificates = 0;
  while (certificates < 20) {
    int result = vcpu_.run();  // completes the input, or what the page then says
    EXPECT_TRUE(result == 0 || result == -EINTR) << result;
    std::this_thread::yield();  // lets the other thread write where there is one processor
    result = handle();
    EXPECT_TRUE(result == 0 || result == -EINTR) << result;
    certificates += extreq_vmm_vcpu_answer(library_) == EXTREQ_VMM_CERTIFICATES ? 1 : 0;
    EXPECT_EQ(extreq_vmm_source_update_begin(source_, 0), 0) << "a lease is still held";
    const Bytes table = small_table();
    EXPECT_EQ(extreq_vmm_source_update_end(source_, table.data(), table.size()), 0);
  }
  stop = true;
  scribbler.join();
  EXPECT_EQ(Bytes(pages_.begin(), pages_.begin() + 4096), Bytes(4096, 0xCC));
  EXPECT_EQ(Bytes(pages_.begin() + 8192, pages_.end()), Bytes(4096, 0xCC));
}

}  // namespace
}  // namespace extreq::kvm_vmm
