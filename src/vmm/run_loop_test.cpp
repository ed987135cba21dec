// Loops of VMMs, against a model of KVM_RUN that knows when Linux completes a pending exit and when
// it comes back before that. Whatever the VMM does, the firmware signs under a lease or not at all.
#include <cerrno>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "extreq/vmm.h"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::vmm {
namespace {

using test::GuestPages;
using test::MergedForm;

namespace kvm = abi::kvm;

// One vCPU whose guest asks for `reports` of them, again where it is told BUSY, and then halts.
// Owner of the order: Linux 7.3, arch/x86/kvm/x86.c, kvm_arch_vcpu_ioctl_run().
class ModelVcpu {
 public:
  kvm::Run run{};
  int reports = 1;
  bool uninitialized = false;  // KVM_MP_STATE_UNINITIALIZED: waits for INIT
  bool faults = false;         // the guest's next access ends in KVM_EXIT_MEMORY_FAULT
  std::function<void()> firmware_signs;

  int kvm_run() {
    const bool immediate_exit = run.immediate_exit != 0;
    if (uninitialized) {
      if (immediate_exit) return -EINTR;
      uninitialized = false;  // INIT has come
      return -EAGAIN;
    }
    if (run.kvm_valid_regs != 0 || run.kvm_dirty_regs != 0) return -EINVAL;
    if (std::exchange(pending_, false)) {
      const std::uint64_t ret = MergedForm::ret(run);
      answers.push_back(ret);
      if (ret == MergedForm::ok) {
        firmware_signs();
        --reports;
      } else if (ret != MergedForm::busy) {
        return -EINVAL;
      }
    }
    if (immediate_exit) return -EINTR;
    if (std::exchange(faults, false)) {
      run.exit_reason = kvm::exit_memory_fault;
      run.exit.memory_fault = {.flags = 0, .gpa = 0x3000, .size = test::page};
      return -EFAULT;
    }
    if (reports == 0) {
      run.exit_reason = kvm::exit_hlt;
      return 0;
    }
    MergedForm::exit(run, GuestPages::base, 4);
    pending_ = true;
    return 0;
  }

  std::vector<std::uint64_t> answers;  // that exits were completed with

 private:
  bool pending_ = false;
};

class RunLoop : public ::testing::Test {
 protected:
  void SetUp() override {
    const Bytes table = test::table_of(5000);
    ASSERT_EQ(extreq_vmm_source_open_memory(table.data(), table.size(), &source_), 0);
    ASSERT_EQ(extreq_vmm_create(source_, nullptr, &vm_), 0);
    model_.firmware_signs = [this] {
      ++signed_;
      if (!update_possible()) return;
      ADD_FAILURE() << "signed without a lease: the key may have changed since the table was read";
    };
    use([this] { return model_.kvm_run(); });
  }
  void TearDown() override {
    extreq_vmm_vcpu_destroy(vcpu_);
    extreq_vmm_destroy(vm_);
    extreq_vmm_source_close(source_);
  }
  // What the library calls as KVM_RUN.
  void use(std::function<int()> run) {
    run_ = std::move(run);
    extreq_vmm_vcpu_destroy(vcpu_);
    const extreq_vmm_vcpu_config config{
        sizeof config, -1,
        [](void* opaque) { return (*static_cast<std::function<int()>*>(opaque))(); }, &run_};
    ASSERT_EQ(extreq_vmm_vcpu_create(vm_, &config, &vcpu_), 0);
  }
  int handle() {
    auto* const area = static_cast<kvm_run*>(static_cast<void*>(&model_.run));
    return extreq_vmm_vcpu_handle(vcpu_, area, &memory_, EXTREQ_VMM_POLICY_WAIT);
  }
  // An updater gets the exclusive lock, and publishes the same table again.
  bool update_possible() {
    if (extreq_vmm_source_update_begin(source_, 0) != 0) return false;
    const Bytes table = test::table_of(5000);
    EXPECT_EQ(extreq_vmm_source_update_end(source_, table.data(), table.size()), 0);
    return true;
  }

  // The loop of doc/vmm.md. Gives the result that ended it, 0 at the guest's HLT.
  int documented_loop() {
    for (int turns = 0; turns < 100; ++turns) {
      int result = model_.kvm_run();
      if (result == 0) result = handle();
      if (result == -EINTR || result == -EAGAIN) {
        model_.run.immediate_exit = 0;
        if (std::exchange(kick_requested_, false)) ++kicks_served_;
        continue;
      }
      if (result == -EFAULT && model_.run.exit_reason == kvm::exit_memory_fault) {
        EXPECT_EQ(model_.run.exit.memory_fault.gpa, 0x3000U);
        ++converted_;
        continue;
      }
      if (result != 0) return result;
      if (model_.run.exit_reason == kvm::exit_hlt) return 0;
      ADD_FAILURE() << "nobody serves exit reason " << model_.run.exit_reason;
      return -ENOSYS;
    }
    ADD_FAILURE() << "the guest never ends";
    return -ELOOP;
  }
  void kick() {
    kick_requested_ = true;
    model_.run.immediate_exit = 1;
  }

  ModelVcpu model_;
  extreq_vmm_source* source_ = nullptr;
  extreq_vmm* vm_ = nullptr;
  extreq_vmm_vcpu* vcpu_ = nullptr;
  std::function<int()> run_;
  GuestPages pages_;
  extreq_vmm_memory memory_{
      [](void* opaque, std::uint64_t at, const void* bytes, std::size_t size) {
        const ByteView view(static_cast<const std::uint8_t*>(bytes), size);
        return static_cast<GuestPages*>(opaque)->write(at, view) ? 0 : -EFAULT;
      },
      &pages_, nullptr, 0};
  int signed_ = 0;
  bool kick_requested_ = false;
  int kicks_served_ = 0;
  int converted_ = 0;
};

TEST_F(RunLoop, EachReportIsSignedUnderALeaseAndNoneIsHeldAfterwards) {
  model_.reports = 3;
  EXPECT_EQ(documented_loop(), 0);
  EXPECT_EQ(signed_, 3);
  EXPECT_EQ(model_.answers, (std::vector<std::uint64_t>{0, 0, 0}));
  EXPECT_TRUE(update_possible());
}

TEST_F(RunLoop, AnApThatWaitsForItsInitGoesOn) {
  model_.uninitialized = true;
  EXPECT_EQ(documented_loop(), 0);
  EXPECT_EQ(signed_, 1);
}

TEST_F(RunLoop, AMemoryFaultIsAnExitAlthoughKvmRunFails) {
  model_.faults = true;
  EXPECT_EQ(documented_loop(), 0);
  EXPECT_EQ(converted_, 1);
  EXPECT_EQ(signed_, 1);
}

// In the run that completes the exit: the union is the VMM's to read.
TEST_F(RunLoop, AMemoryFaultInTheCompletingRunReachesTheVmmWhole) {
  use([this] {
    model_.faults = true;
    model_.run.immediate_exit = 0;
    return model_.kvm_run();
  });
  ASSERT_EQ(model_.kvm_run(), 0);
  EXPECT_EQ(handle(), -EFAULT);
  EXPECT_EQ(model_.run.exit_reason, kvm::exit_memory_fault);
  EXPECT_EQ(model_.run.exit.memory_fault.gpa, 0x3000U);
  EXPECT_EQ(model_.run.exit.memory_fault.size, test::page);
  EXPECT_EQ(signed_, 1);
}

TEST_F(RunLoop, AVcpuThatIsResetWithAnExitPendingSignsNothingLater) {
  ASSERT_EQ(model_.kvm_run(), 0);
  model_.uninitialized = true;  // KVM_SET_MP_STATE
  EXPECT_EQ(handle(), -EINTR);
  EXPECT_EQ(extreq_vmm_vcpu_answer(vcpu_), EXTREQ_VMM_CERTIFICATES);
  EXPECT_TRUE(update_possible());
  model_.uninitialized = false;
  model_.run.immediate_exit = 1;
  EXPECT_EQ(model_.kvm_run(), -EINTR);
  EXPECT_EQ(signed_, 0);
  EXPECT_EQ(model_.answers, std::vector<std::uint64_t>{MergedForm::busy});
  model_.run.immediate_exit = 0;
  EXPECT_EQ(documented_loop(), 0);
  EXPECT_EQ(signed_, 1) << "the guest asked again";
}

TEST_F(RunLoop, SyncBitsThatAreRefusedLeaveNothingToSignLater) {
  ASSERT_EQ(model_.kvm_run(), 0);
  model_.run.kvm_dirty_regs = 1;
  EXPECT_EQ(handle(), -EINVAL);
  EXPECT_TRUE(update_possible());
  model_.run.kvm_dirty_regs = 0;
  EXPECT_EQ(documented_loop(), 0);
  EXPECT_EQ(model_.answers, (std::vector<std::uint64_t>{MergedForm::busy, MergedForm::ok}));
  EXPECT_EQ(signed_, 1);
}

// Firecracker, src/vmm/src/vstate/vcpu.rs, run_emulation(): KVM_RUN is skipped where immediate_exit
// is set already, and that is reported as an interruption.
class FirecrackersLoop : public RunLoop {
 protected:
  int run_emulation() {
    if (model_.run.immediate_exit == 1) {
      model_.run.immediate_exit = 0;
      return -EINTR;
    }
    const int result = model_.kvm_run();
    if (result == -EINTR) model_.run.immediate_exit = 0;
    return result;
  }
  // Until the guest halts; a kick comes at the step `kick_at`, if ever.
  void loop(int kick_at) {
    int step = 0;
    for (int turns = 0; turns < 20; ++turns) {
      if (step++ == kick_at) kick();
      int result = run_emulation();
      if (step++ == kick_at) kick();
      if (result == 0) result = handle();
      if (step++ == kick_at) kick();
      if (result == -EINTR || result == -EAGAIN) {
        if (std::exchange(kick_requested_, false)) ++kicks_served_;
        continue;
      }
      ASSERT_EQ(result, 0);
      if (model_.run.exit_reason == kvm::exit_hlt) return;
      ASSERT_EQ(model_.run.exit_reason, kvm::exit_snp_req_certs);
    }
  }
};

TEST_F(FirecrackersLoop, ThatSkipsKvmRunSignsUnderALeaseAndLosesNoKick) {
  for (int kick_at = -1; kick_at < 6; ++kick_at) {
    SCOPED_TRACE(kick_at);
    model_.reports = 1;
    signed_ = 0;
    kicks_served_ = 0;
    loop(kick_at);
    EXPECT_EQ(signed_, 1);
    EXPECT_EQ(kicks_served_ + (kick_requested_ ? 1 : 0), kick_at < 0 ? 0 : 1);
    EXPECT_EQ(model_.run.immediate_exit != 0, kick_requested_) << "a kick that nobody sees";
    kick_requested_ = false;
    model_.run.immediate_exit = 0;
  }
}

// Its function in place of KVM_RUN, which the header forbids: immediate_exit set by a kick makes it
// skip the run. The guest is told BUSY; nothing is signed later.
TEST_F(FirecrackersLoop, WiredAsKvmRunItselfSignsNothingWithoutALease) {
  use([this] { return run_emulation(); });
  ASSERT_EQ(model_.kvm_run(), 0);
  kick();
  EXPECT_EQ(handle(), -EINTR);
  EXPECT_EQ(signed_, 0);
  EXPECT_TRUE(update_possible());
  loop(-1);
  EXPECT_EQ(model_.answers, (std::vector<std::uint64_t>{MergedForm::busy, MergedForm::ok}));
  EXPECT_EQ(signed_, 1);
}

TEST_F(RunLoop, AKickAtAnyStepIsSeenBeforeTheGuestRunsOn) {
  constexpr int steps = 4;
  for (int kick_at = 0; kick_at < steps; ++kick_at) {
    SCOPED_TRACE(kick_at);
    int step = 0;
    const auto here = [&] {
      if (step++ == kick_at) kick();
    };
    use([&] {
      here();
      const int result = model_.kvm_run();
      here();
      return result;
    });
    model_.reports = 1;
    ASSERT_EQ(model_.kvm_run(), 0);
    here();
    ASSERT_EQ(handle(), -EINTR);
    EXPECT_EQ(model_.run.immediate_exit, kick_at < step ? 1 : 0);
    here();
    EXPECT_EQ(step, steps);
    EXPECT_EQ(model_.run.immediate_exit, 1);
    EXPECT_EQ(documented_loop(), 0);
    EXPECT_EQ(kicks_served_, kick_at + 1);
  }
}

}  // namespace
}  // namespace extreq::vmm
