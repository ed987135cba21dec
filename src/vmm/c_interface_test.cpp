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

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"
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
    ASSERT_EQ(extreq_vmm_vcpu_create(vm, &config, &vcpu), 0);
  }
  void TearDown() override {
    extreq_vmm_vcpu_destroy(vcpu);
    extreq_vmm_destroy(vm);
    extreq_vmm_source_close(source);
  }
  // The answer, if the run that completed it gave -EINTR; `signed_with` is the `ret` that it found.
  int ask(std::uint64_t npages = 4) {
    MergedForm::exit(run, gpa, npages);
    EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, EXTREQ_VMM_POLICY_WAIT), -EINTR);
    return extreq_vmm_vcpu_answer(vcpu);
  }

  extreq_vmm_source* source = nullptr;
  extreq_vmm* vm = nullptr;
  extreq_vmm_vcpu* vcpu = nullptr;
  GuestPages pages;
  extreq_vmm_memory memory = memory_of(pages);
  abi::kvm::Run run{};
  std::uint64_t completed_with = 77;
  std::function<int()> kvm_run_call = [this] {
    completed_with = MergedForm::ret(run);
    return -EINTR;
  };
  extreq_vmm_vcpu_config config{
      sizeof(extreq_vmm_vcpu_config), -1,
      [](void* opaque) { return (*static_cast<std::function<int()>*>(opaque))(); }, &kvm_run_call};
};

TEST_F(CInterface, ARequestIsServedAndCompletedUnderALeaseThatEndsWithTheCall) {
  make(test::table_of(5000));
  int update_during_the_run = 0;
  kvm_run_call = [&] {
    completed_with = MergedForm::ret(run);
    update_during_the_run = extreq_vmm_source_update_begin(source, 0);
    return -EINTR;
  };
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(completed_with, 0U);
  EXPECT_EQ(update_during_the_run, -EAGAIN);
  EXPECT_EQ(run.immediate_exit, 0);
  EXPECT_EQ(pages.at(gpa, 5000), test::table_of(5000));
  EXPECT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
  const Bytes next = test::table_of(6000, 9);
  EXPECT_EQ(extreq_vmm_source_update_end(source, next.data(), next.size()), 0);
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(pages.at(gpa, 6000), next);
}

TEST_F(CInterface, AnotherExitIsGivenBackUntouchedAndNothingIsRun) {
  make(test::table_of(5000));
  kvm_run_call = [] {
    ADD_FAILURE() << "nothing of ours to complete";
    return 0;
  };
  run.exit_reason = abi::kvm::exit_io;
  const abi::kvm::Run before = run;
  EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, EXTREQ_VMM_POLICY_WAIT), 0);
  EXPECT_EQ(std::memcmp(&before, &run, sizeof run), 0);
  EXPECT_EQ(extreq_vmm_vcpu_answer(vcpu), EXTREQ_VMM_NOT_OURS);
}

// On real KVM exit reason 40 is KVM_EXIT_TDX.
TEST_F(CInterface, TheReviewedExitIsLeftAloneUnlessTheVmWasMadeForIt) {
  make(test::table_of(5000));
  test::ReviewForm::exit(run, gpa, 4);
  const abi::kvm::Run before = run;
  EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, EXTREQ_VMM_POLICY_WAIT), 0);
  EXPECT_EQ(std::memcmp(&before, &run, sizeof run), 0);
  EXPECT_TRUE(pages.is_untouched());

  TearDown();
  vcpu = nullptr;
  vm = nullptr;
  source = nullptr;
  extreq_vmm_policy policy = EXTREQ_VMM_POLICY_INIT;
  policy.flags = EXTREQ_VMM_REVIEWED_EXIT;
  make(test::table_of(5000), &policy);
  EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, EXTREQ_VMM_POLICY_WAIT), -EINTR);
  EXPECT_EQ(extreq_vmm_vcpu_answer(vcpu), EXTREQ_VMM_CERTIFICATES);
}

TEST_F(CInterface, AVcpusConfigurationIsChecked) {
  make(test::table_of(100));
  extreq_vmm_vcpu* other = nullptr;
  const extreq_vmm_vcpu_config nothing{sizeof nothing, -1, nullptr, nullptr};
  EXPECT_EQ(extreq_vmm_vcpu_create(vm, &nothing, &other), -EINVAL);
  EXPECT_THAT(extreq_vmm_error(), HasSubstr("vcpu_fd -1"));
  const extreq_vmm_vcpu_config short_one{sizeof short_one - 1, 0, nullptr, nullptr};
  EXPECT_EQ(extreq_vmm_vcpu_create(vm, &short_one, &other), -EINVAL);
  EXPECT_THAT(extreq_vmm_error(), HasSubstr("vcpu_config.size"));
  struct Newer {
    extreq_vmm_vcpu_config config;
    std::uint64_t unknown;
  } newer{{sizeof newer, -1, config.run, config.opaque}, 1};
  EXPECT_EQ(extreq_vmm_vcpu_create(vm, &newer.config, &other), -EINVAL);
  newer.unknown = 0;
  EXPECT_EQ(extreq_vmm_vcpu_create(vm, &newer.config, &other), 0);
  extreq_vmm_vcpu_destroy(other);
}

// Without a callback it is ioctl(vcpu_fd, KVM_RUN): here on a file that knows no such call.
TEST_F(CInterface, WithoutACallbackKvmRunIsCalledOnTheDescriptor) {
  make(test::table_of(5000));
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const extreq_vmm_vcpu_config of_kvm{sizeof of_kvm, file.get(), nullptr, nullptr};
  extreq_vmm_vcpu_destroy(std::exchange(vcpu, nullptr));
  ASSERT_EQ(extreq_vmm_vcpu_create(vm, &of_kvm, &vcpu), 0);
  MergedForm::exit(run, gpa, 4);
  EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, EXTREQ_VMM_POLICY_WAIT), -ENOTTY);
  EXPECT_EQ(MergedForm::ret(run), std::uint64_t{EAGAIN});
  EXPECT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
}

TEST_F(CInterface, AnUpdateThatItsSourceWasClosedInEndsThere) {
  make(test::table_of(5000));
  ASSERT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
  extreq_vmm_source_close(std::exchange(source, nullptr));
  EXPECT_EQ(ask(), EXTREQ_VMM_NO_CERTIFICATES);
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

TEST_F(CInterface, TheCallsDeadlineBoundsTheWaitWhateverThePolicySays) {
  extreq_vmm_policy patient = EXTREQ_VMM_POLICY_INIT;
  patient.max_wait_ns = UINT64_MAX;
  make(test::table_of(5000), &patient);
  ASSERT_EQ(extreq_vmm_source_update_begin(source, 0), 0);
  MergedForm::exit(run, gpa, 4);
  EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, 0), -EINTR);
  EXPECT_EQ(extreq_vmm_vcpu_answer(vcpu), EXTREQ_VMM_BUSY);
  EXPECT_EQ(completed_with, std::uint64_t{EAGAIN});
  EXPECT_EQ(extreq_vmm_source_update_end(source, nullptr, 0), 0);
  EXPECT_EQ(ask(), EXTREQ_VMM_NO_CERTIFICATES);
}

TEST_F(CInterface, ThePolicyIsCheckedAndABusyLimitPastThirtySecondsRefused) {
  const Bytes table = test::table_of(100);
  ASSERT_EQ(extreq_vmm_source_open_memory(table.data(), table.size(), &source), 0);
  extreq_vmm_policy policy = EXTREQ_VMM_POLICY_INIT;
  EXPECT_EQ(policy.busy_limit_ns, 30'000'000'000U);
  policy.busy_limit_ns += 1;
  EXPECT_EQ(extreq_vmm_create(source, &policy, &vm), -EINVAL);
  EXPECT_THAT(extreq_vmm_error(), HasSubstr("busy_limit_ns"));
  policy = EXTREQ_VMM_POLICY_INIT;
  policy.flags = 2;
  EXPECT_EQ(extreq_vmm_create(source, &policy, &vm), -EINVAL);
  EXPECT_THAT(extreq_vmm_error(), HasSubstr("flags 0x2"));
  policy = EXTREQ_VMM_POLICY_INIT;
  policy.size -= 1;
  EXPECT_EQ(extreq_vmm_create(source, &policy, &vm), -EINVAL);
  EXPECT_THAT(extreq_vmm_error(), HasSubstr("policy.size"));
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
  EXPECT_EQ(extreq_vmm_vcpu_create(nullptr, &config, &vcpu), -EINVAL);
  EXPECT_EQ(extreq_vmm_vcpu_handle(nullptr, as_kvm(run), &memory, 0), -EINVAL);
  EXPECT_EQ(extreq_vmm_vcpu_answer(nullptr), EXTREQ_VMM_NOT_OURS);
  EXPECT_STREQ(extreq_vmm_vcpu_failure(nullptr), "");
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
  ASSERT_EQ(extreq_vmm_vcpu_create(vm, &config, &vcpu), 0);
  int in_the_child = -1;
  bool locked = false;
  kvm_run_call = [&] {
    const abi::kvm::Run before = run;
    const int writes = pages.writes;
    in_the_child = in_child([&] {
      extreq_vmm_vcpu* other = nullptr;
      const bool nothing = extreq_vmm_vcpu_handle(vcpu, as_kvm(run), &memory, 0) == 0 &&
                           std::memcmp(&before, &run, sizeof run) == 0 && pages.writes == writes &&
                           extreq_vmm_vcpu_create(vm, &config, &other) == -ECANCELED &&
                           other == nullptr;
      extreq_vmm_vcpu_destroy(vcpu);
      extreq_vmm_destroy(vm);
      extreq_vmm_source_close(source);
      return nothing;
    });
    locked = !writer.begin({});  // still, by the parent's lease
    return -EINTR;
  };
  ASSERT_EQ(ask(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_EQ(in_the_child, 0);
  EXPECT_TRUE(locked);
  EXPECT_TRUE(writer.begin({}));
}

TEST(CInterfaceForCpp, TheOwnersServeARequest) {
  const Bytes table = test::table_of(300);
  auto source = vmm_api::Source::memory(table.data(), table.size());
  vmm_api::Vm vm(source, EXTREQ_VMM_POLICY_INIT);
  EXPECT_THROW(static_cast<void>(vm.create_vcpu(-1)), std::system_error);
  auto vcpu =
      vm.create_vcpu({sizeof(extreq_vmm_vcpu_config), -1, [](void*) { return -EINTR; }, nullptr});
  GuestPages pages;
  abi::kvm::Run run{};
  MergedForm::exit(run, gpa, 1);
  EXPECT_EQ(vcpu.handle(as_kvm(run), memory_of(pages)), -EINTR);
  EXPECT_EQ(vcpu.answer(), EXTREQ_VMM_CERTIFICATES);
  EXPECT_TRUE(source.update_begin(0));
  source.update_end(nullptr, 0);
  EXPECT_THROW(source.update_end(nullptr, 0), std::system_error);
  EXPECT_THROW(static_cast<void>(vmm_api::Source::memory("x", 1)), std::system_error);
  EXPECT_THROW(vmm_api::check_kvm(-1), std::system_error);
  EXPECT_EQ(vmm_api::version() >> 16, std::uint32_t{EXTREQ_VMM_VERSION_MAJOR});
}

}  // namespace
}  // namespace extreq::vmm
