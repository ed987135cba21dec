// extreq/vmm.h as its users call it.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "extreq/vmm.h"
#include "extreq/vmm.hpp"
#include "lease/blob_writer.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::vmm {
namespace {

using test::GuestPages;
using test::MergedForm;
using ::testing::HasSubstr;

constexpr std::uint64_t gpa = GuestPages::base;

int write_pages(void* opaque, std::uint64_t at, const void* bytes, std::size_t size) {
  const auto* const begin = static_cast<const std::uint8_t*>(bytes);
  return static_cast<GuestPages*>(opaque)->write(at, ByteView(begin, size)) ? 0 : -EFAULT;
}

extreq_vmm_memory memory_of(GuestPages& pages) {
  return {.write = write_pages, .opaque = &pages, .regions = nullptr, .region_count = 0};
}

kvm_run* as_kvm(abi::kvm::Run& run) { return static_cast<kvm_run*>(static_cast<void*>(&run)); }

// A source in memory, a VM and a vCPU, with guest memory and run area.
class CInterface : public ::testing::Test {
 protected:
  void make(const Bytes& table, const extreq_vmm_policy* policy = nullptr) {
    ASSERT_EQ(extreq_vmm_source_open_memory(table.data(), table.size(), &source), 0);
    ASSERT_EQ(extreq_vmm_create(source, policy, &vm), 0);
    ASSERT_EQ(extreq_vmm_vcpu_create(vm, &vcpu), 0);
  }
  void TearDown() override {
    extreq_vmm_vcpu_destroy(vcpu);
    extreq_vmm_destroy(vm);
    extreq_vmm_source_close(source);
  }
  int ask(std::uint64_t npages = 4) {
    MergedForm::exit(run, gpa, npages);
    return extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, EXTREQ_VMM_POLICY_WAIT);
  }

  extreq_vmm_source* source = nullptr;
  extreq_vmm* vm = nullptr;
  extreq_vmm_vcpu* vcpu = nullptr;
  GuestPages pages;
  extreq_vmm_memory memory = memory_of(pages);
  abi::kvm::Run run{};
};

TEST_F(CInterface, ARequestIsServedUnderALeaseUntilTheNextRunReturned) {
  make(test::table_of(5000));
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(MergedForm::ret(run), 0U);
  EXPECT_EQ(run.immediate_exit, 1);
  EXPECT_EQ(pages.at(gpa, 5000), test::table_of(5000));
  EXPECT_EQ(extreq_vmm_vcpu_lease_held(vcpu), 1);
  EXPECT_EQ(extreq_vmm_source_update_begin(source, 0), -EAGAIN);

  EXPECT_EQ(extreq_vmm_vcpu_after_run(vcpu, -EINVAL), 0);  // bad sync bits
  EXPECT_EQ(extreq_vmm_vcpu_lease_held(vcpu), 1);
  EXPECT_EQ(extreq_vmm_vcpu_after_run(vcpu, -EINTR), EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT);
  extreq_vmm_clear_immediate_exit(as_kvm(run));
  EXPECT_EQ(run.immediate_exit, 0);
  EXPECT_EQ(extreq_vmm_vcpu_lease_held(vcpu), 0);
  EXPECT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
  const Bytes next = test::table_of(6000, 9);
  EXPECT_EQ(extreq_vmm_source_update_end(source, next.data(), next.size()), 0);
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(pages.at(gpa, 6000), next);
}

TEST_F(CInterface, RegionsServeLikeACallbackAndATableMayReachOverTwo) {
  make(test::table_of(5000));
  Bytes low(4096);
  Bytes high(4096);
  const extreq_vmm_region regions[] = {{gpa + 4096, high.data(), high.size()},
                                       {gpa, low.data(), low.size()}};
  memory = {.write = nullptr, .opaque = nullptr, .regions = regions, .region_count = 2};
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  Bytes both = low;
  both.insert(both.end(), high.begin(), high.end());
  both.resize(5000);
  EXPECT_EQ(both, test::table_of(5000));
}

TEST_F(CInterface, RegionsThatEndTooEarlyAreNotWrittenPastTheirEnd) {
  make(test::table_of(5000));
  Bytes only(4096 + 100, test::untouched);
  const extreq_vmm_region region{gpa, only.data(), 4096};
  memory = {.write = nullptr, .opaque = nullptr, .regions = &region, .region_count = 1};
  EXPECT_EQ(ask(), EXTREQ_VMM_NO_CERTIFICATES);
  EXPECT_THAT(extreq_vmm_vcpu_failure(vcpu), HasSubstr("nothing at 0x11000"));
  EXPECT_EQ(Bytes(only.begin() + 4096, only.end()), Bytes(100, test::untouched));
  EXPECT_EQ(Bytes(only.begin(), only.begin() + 24), Bytes(24, 0));
  EXPECT_EQ(Bytes(only.begin() + 24, only.begin() + 4096), Bytes(4096 - 24, test::untouched));
}

TEST_F(CInterface, AVcpuThatIsDroppedForMigrationSignsNothingWithoutItsLease) {
  make(test::table_of(5000));
  EXPECT_EQ(extreq_vmm_vcpu_drop(vcpu, as_kvm(run)), 0);
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(extreq_vmm_vcpu_drop(vcpu, as_kvm(run)), 1);
  EXPECT_EQ(MergedForm::ret(run), std::uint64_t{EAGAIN});
  EXPECT_EQ(extreq_vmm_vcpu_lease_held(vcpu), 0);
  EXPECT_EQ(extreq_vmm_vcpu_drop(vcpu, as_kvm(run)), 0);
}

TEST_F(CInterface, ADropAfterTheCompletionChangesNothing) {
  make(test::table_of(5000));
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(extreq_vmm_vcpu_after_run(vcpu, -EINTR), EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT);
  EXPECT_EQ(extreq_vmm_vcpu_drop(vcpu, as_kvm(run)), 0);
  EXPECT_EQ(MergedForm::ret(run), 0U);
}

TEST_F(CInterface, ADeadVcpuHoldsNothing) {
  make(test::table_of(5000));
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  extreq_vmm_vcpu_dead(vcpu);
  EXPECT_EQ(extreq_vmm_vcpu_lease_held(vcpu), 0);
}

TEST_F(CInterface, TheCallsDeadlineBoundsTheWaitWhateverThePolicySays) {
  extreq_vmm_policy patient;
  extreq_vmm_policy_default(&patient);
  patient.max_wait_ns = UINT64_MAX;
  make(test::table_of(5000), &patient);
  ASSERT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
  MergedForm::exit(run, gpa, 4);
  EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, 0), EXTREQ_VMM_BUSY);
  EXPECT_EQ(MergedForm::ret(run), std::uint64_t{EAGAIN});
  EXPECT_EQ(extreq_vmm_source_update_end(source, nullptr, 0), 0);
  EXPECT_EQ(ask(), EXTREQ_VMM_NO_CERTIFICATES);
}

TEST_F(CInterface, AGuestThatAsksTooOftenIsToldToTryAgain) {
  extreq_vmm_policy policy;
  extreq_vmm_policy_default(&policy);
  policy.rate_interval_ns = 3'600'000'000'000;
  policy.rate_burst = 2;
  make(test::table_of(5000), &policy);
  EXPECT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(ask(), EXTREQ_VMM_BUSY);
  EXPECT_EQ(extreq_vmm_vcpu_lease_held(vcpu), 0);
}

TEST_F(CInterface, ThePolicyIsCheckedAndABusyLimitPastThirtySecondsRefused) {
  const Bytes table = test::table_of(100);
  ASSERT_EQ(extreq_vmm_source_open_memory(table.data(), table.size(), &source), 0);
  extreq_vmm_policy policy;
  extreq_vmm_policy_default(&policy);
  EXPECT_EQ(policy.busy_limit_ns, 30'000'000'000U);
  policy.busy_limit_ns += 1;
  EXPECT_EQ(extreq_vmm_create(source, &policy, &vm), -EINVAL);
  EXPECT_THAT(extreq_vmm_error(), HasSubstr("busy_limit_ns"));
  extreq_vmm_policy_default(&policy);
  policy.without_certificates = 2;
  EXPECT_EQ(extreq_vmm_create(source, &policy, &vm), -EINVAL);
}

TEST_F(CInterface, ARequestFailsOnlyIfTheCallerInsists) {
  extreq_vmm_policy policy;
  extreq_vmm_policy_default(&policy);
  policy.without_certificates = EXTREQ_VMM_FAIL_REQUEST;
  make({}, &policy);
  EXPECT_EQ(ask(), EXTREQ_VMM_FAILED);
  EXPECT_EQ(MergedForm::ret(run), std::uint64_t{EIO});
}

TEST_F(CInterface, ObjectsMayBeReleasedInAnyOrder) {
  make(test::table_of(5000));
  extreq_vmm_source_close(std::exchange(source, nullptr));
  extreq_vmm_destroy(std::exchange(vm, nullptr));
  EXPECT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
}

TEST_F(CInterface, NullIsRefusedAndNeverFollowed) {
  EXPECT_EQ(extreq_vmm_source_open_blob(nullptr, &source), -EINVAL);
  EXPECT_EQ(extreq_vmm_source_open_socket(nullptr, &source), -EINVAL);
  EXPECT_EQ(extreq_vmm_source_open_memory(nullptr, 5, &source), -EINVAL);
  EXPECT_EQ(extreq_vmm_create(nullptr, nullptr, &vm), -EINVAL);
  EXPECT_EQ(extreq_vmm_vcpu_create(nullptr, &vcpu), -EINVAL);
  EXPECT_EQ(extreq_vmm_vcpu_handle(nullptr, as_kvm(run), &memory, 0), -EINVAL);
  EXPECT_EQ(extreq_vmm_vcpu_after_run(nullptr, 0), 0);
  extreq_vmm_vcpu_dead(nullptr);
  EXPECT_EQ(extreq_vmm_vcpu_drop(nullptr, as_kvm(run)), 0);
  EXPECT_EQ(extreq_vmm_source_update_begin(nullptr, 0), -EINVAL);
  EXPECT_EQ(extreq_vmm_source_update_end(nullptr, nullptr, 0), -EINVAL);
}

TEST_F(CInterface, ATableThatIsNoneIsRefusedAndAnUpdateGoesOn) {
  const std::string junk(100, 'x');
  EXPECT_EQ(extreq_vmm_source_open_memory(junk.data(), junk.size(), &source), -EINVAL);
  make(test::table_of(100));
  EXPECT_EQ(extreq_vmm_source_update_end(source, nullptr, 0), -EINVAL);
  ASSERT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
  EXPECT_EQ(extreq_vmm_source_update_end(source, junk.data(), junk.size()), -EINVAL);
  EXPECT_EQ(extreq_vmm_source_update_end(source, nullptr, 0), 0);
}

// The exit status of a child that runs `body`.
int in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = -1;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(CInterface, AForkedChildDoesNothingAndTheParentKeepsItsLease) {
  const auto folder = TemporaryDirectory::create("extreq-c");
  ASSERT_TRUE(folder);
  const std::string blob = folder->path() + "/host.blob";
  lease::BlobWriter writer(blob);
  ASSERT_TRUE(writer.begin({})->publish(test::table_of(5000)));
  ASSERT_EQ(extreq_vmm_source_open_blob(blob.c_str(), &source), 0);
  ASSERT_EQ(extreq_vmm_create(source, nullptr, &vm), 0);
  ASSERT_EQ(extreq_vmm_vcpu_create(vm, &vcpu), 0);
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  const int before = pages.writes;
  EXPECT_EQ(in_child([&] {
              extreq_vmm_vcpu* other = nullptr;
              MergedForm::exit(run, gpa, 4);
              run.immediate_exit = 0;
              const bool nothing =
                  extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, 0) == EXTREQ_VMM_NOT_OURS &&
                  MergedForm::ret(run) == 77 && run.immediate_exit == 0 && pages.writes == before &&
                  extreq_vmm_vcpu_after_run(vcpu, -EINTR) == 0 &&
                  extreq_vmm_vcpu_drop(vcpu, as_kvm(run)) == 0 &&
                  extreq_vmm_vcpu_create(vm, &other) == -ECANCELED && other == nullptr;
              extreq_vmm_vcpu_dead(vcpu);
              extreq_vmm_vcpu_destroy(vcpu);
              extreq_vmm_destroy(vm);
              extreq_vmm_source_close(source);
              return nothing;
            }),
            0);
  EXPECT_FALSE(writer.begin({}));  // still locked by the parent's lease
  EXPECT_EQ(extreq_vmm_vcpu_after_run(vcpu, -EINTR), EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT);
  EXPECT_TRUE(writer.begin({}));
}

TEST(CInterfaceForCpp, TheOwnersServeARequest) {
  const Bytes table = test::table_of(300);
  const auto source = vmm_api::Source::memory(table.data(), table.size());
  vmm_api::Vm vm(source);
  auto vcpu = vm.create_vcpu();
  GuestPages pages;
  abi::kvm::Run run{};
  MergedForm::exit(run, gpa, 1);
  EXPECT_EQ(vcpu.handle(as_kvm(run), memory_of(pages)), EXTREQ_VMM_CERTIFICATES);
  EXPECT_TRUE(vcpu.lease_held());
  EXPECT_TRUE(vcpu.after_run(-EINTR));
  EXPECT_THROW(static_cast<void>(vmm_api::Source::memory("x", 1)), std::system_error);
}

// ---------------------------------------------------------------------------------------------
// A kick sets the VMM's own flag and then immediate_exit. Wherever it falls between the steps of
// the loop, the VMM sees the flag before the guest runs on.

struct Kicked {
  abi::kvm::Run run{};
  bool flag = false;
  void kick() {
    flag = true;
    run.immediate_exit = 1;
  }
};

TEST_F(CInterface, AKickAtAnyStepOfTheLoopIsSeenBeforeTheGuestRunsOn) {
  constexpr int steps = 8;
  make(test::table_of(5000));
  for (int kick_at = 0; kick_at < steps; ++kick_at) {
    SCOPED_TRACE(kick_at);
    Kicked vmm;
    int step = 0;
    bool seen = false;
    const auto here = [&] {
      if (step++ == kick_at) vmm.kick();
    };
    here();
    MergedForm::exit(vmm.run, gpa, 4);
    here();
    ASSERT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(vmm.run), &memory, EXTREQ_VMM_POLICY_WAIT),
              EXTREQ_VMM_CERTIFICATES);
    here();
    ASSERT_EQ(vmm.run.immediate_exit, 1);  // so KVM_RUN completes and gives -EINTR
    here();
    const bool clear = extreq_vmm_vcpu_after_run(vcpu, -EINTR) == EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT;
    ASSERT_TRUE(clear);
    here();
    extreq_vmm_clear_immediate_exit(as_kvm(vmm.run));
    here();
    seen = std::exchange(vmm.flag, false);
    here();
    const bool runs_on = !seen && vmm.run.immediate_exit == 0;
    here();
    ASSERT_EQ(step, steps);
    const bool kicked_before_the_next_run = kick_at < steps - 1;
    EXPECT_EQ(runs_on, !kicked_before_the_next_run);
  }
}

// The same without the look at the flag: the reason for the rule.
TEST_F(CInterface, AVmmThatDoesNotLookAfterClearingLosesAKick) {
  make(test::table_of(5000));
  Kicked vmm;
  MergedForm::exit(vmm.run, gpa, 4);
  ASSERT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(vmm.run), &memory, EXTREQ_VMM_POLICY_WAIT),
            EXTREQ_VMM_CERTIFICATES);
  ASSERT_EQ(extreq_vmm_vcpu_after_run(vcpu, -EINTR), EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT);
  vmm.kick();
  extreq_vmm_clear_immediate_exit(as_kvm(vmm.run));
  EXPECT_EQ(vmm.run.immediate_exit, 0);
  EXPECT_TRUE(vmm.flag);
}

}  // namespace
}  // namespace extreq::vmm
