// Which system calls remain once the vCPUs are created, and how many a request takes. A child puts
// itself behind a seccomp filter and serves; any other call kills it with SIGSYS. The list is the
// one in doc/vmm.md.
#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "extreq/vmm.h"
#include "lease/blob_writer.hpp"
#include "lease/seccomp_test_tool.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::vmm {
namespace {

using lease::test::both;
using lease::test::in_child;
using lease::test::install_filter;
using test::MergedForm;

constexpr std::uint64_t gpa = 0x4000;

// On every request; the last two only while somebody holds the lock, or memory is short.
const std::vector<int> always{SYS_fcntl,           SYS_pread64,       SYS_newfstatat, SYS_futex,
                              SYS_clock_nanosleep, SYS_clock_gettime, SYS_brk};
// When the blob or its state page was made, or replaced, after the vCPU was created.
const std::vector<int> on_replacement{SYS_openat, SYS_fstat, SYS_mmap, SYS_munmap, SYS_close};
// This test's own.
const std::vector<int> own{SYS_exit_group};

class SystemCalls : public ::testing::Test {
 protected:
  void SetUp() override {
    if (lease::test::sanitized)
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: sanitizers make system calls of their own";
  }
  // With `ours` the blob has a state page that lets readers keep their copy.
  void publish(bool ours) {
    lease::BlobWriterOptions options;
    options.sole_writer = ours;
    writer_.emplace(blob_, options);
    ASSERT_TRUE(writer_->begin({})->publish(test::table_of(5000)));
    if (!ours) static_cast<void>(::unlink((blob_ + ".state").c_str()));
  }
  // In the child: the library's objects belong to the process that makes them.
  void open() {
    extreq_vmm_source* source = nullptr;
    extreq_vmm* vm = nullptr;
    if (extreq_vmm_source_open_blob(blob_.c_str(), &source) != 0 ||
        extreq_vmm_create(source, nullptr, &vm) != 0 ||
        extreq_vmm_vcpu_create(vm, &config_, &vcpu_) != 0) {
      ::_exit(4);
    }
  }
  bool request() {
    MergedForm::exit(run_, gpa, 2);
    auto* const page = static_cast<kvm_run*>(static_cast<void*>(&run_));
    return extreq_vmm_vcpu_handle(vcpu_, page, &memory_, EXTREQ_VMM_POLICY_WAIT) == -EINTR &&
           extreq_vmm_vcpu_answer(vcpu_) == EXTREQ_VMM_CERTIFICATES;
  }
  // How many system calls a child makes between two calls of getpid(), with `body` in between.
  static int count_calls(const std::function<bool()>& prepare, const std::function<bool()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(3);
      bool done = prepare();
      static_cast<void>(::raise(SIGSTOP));
      static_cast<void>(::syscall(SYS_getppid));
      done = body() && done;
      static_cast<void>(::syscall(SYS_getppid));
      ::_exit(done ? 0 : 1);
    }
    return trace(child);
  }

 private:
  static int trace(pid_t child) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    static_cast<void>(::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD));
    int marks = 0;
    int calls = 0;
    bool entering = true;
    while (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0 &&
           ::waitpid(child, &status, 0) == child && !WIFEXITED(status)) {
      if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
      if (entering) {
        __ptrace_syscall_info info{};
        static_cast<void>(::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info));
        if (info.entry.nr == SYS_getppid) {
          ++marks;
        } else if (marks == 1) {
          ++calls;
        }
      }
      entering = !entering;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && marks == 2 ? calls : -1;
  }

 protected:
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::create("extreq-calls");
  std::string blob_ = folder_->path() + "/host.blob";
  std::optional<lease::BlobWriter> writer_;
  extreq_vmm_vcpu* vcpu_ = nullptr;
  std::array<std::uint8_t, 2 * test::page> pages_{};
  extreq_vmm_region region_{gpa, pages_.data(), pages_.size()};
  // KVM_RUN itself is not counted: every VMM has it.
  extreq_vmm_vcpu_config config_{sizeof config_, -1, [](void*) { return -EINTR; }, nullptr};
  extreq_vmm_memory memory_{nullptr, nullptr, &region_, 1};
  abi::kvm::Run run_{};
};

TEST_F(SystemCalls, TheListSufficesForRequestsOnAnOpenBlob) {
  publish(true);
  EXPECT_EQ(in_child([&] {
              open();
              bool done = request();  // finds the state page
              install_filter(both({always, own}));
              for (int i = 0; i < 10; ++i) done = request() && done;
              return done;
            }),
            0);
}

TEST_F(SystemCalls, TheListSufficesForAnUpdateUnderWayAndForMemoryThatIsNotThere) {
  publish(true);
  EXPECT_EQ(in_child([&] {
              open();
              bool done = request();
              lease::BlobWriter other(blob_);
              const auto update = other.begin({});
              install_filter(both({always, own}));
              done = update.has_value() && !request() && done;  // busy, after max_wait
              done = MergedForm::ret(run_) == MergedForm::busy && done;
              memory_.region_count = 0;
              done = !request() && done;
              ::_exit(done ? 0 : 1);  // the update's own end is not on the list
              return done;
            }),
            0);
}

TEST_F(SystemCalls, ABlobThatIsReplacedTakesTheRestOfTheList) {
  publish(false);
  EXPECT_EQ(in_child([&] {
              open();
              bool done = request();
              static_cast<void>(::unlink(blob_.c_str()));
              lease::BlobWriter again(blob_);
              done = again.begin({})->publish(test::table_of(4000)).has_value() && done;
              install_filter(both({always, on_replacement, own}));
              for (int i = 0; i < 10; ++i) done = request() && done;
              return done;
            }),
            0);
}

TEST_F(SystemCalls, TheFilterKillsWhatIsNotOnTheList) {
  const int status = in_child([] {
    install_filter(both({always, on_replacement, own}));
    return ::syscall(SYS_getppid) > 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

TEST_F(SystemCalls, ARequestTakesTwoWithOurStatePage) {
  publish(true);
  EXPECT_EQ(count_calls(
                [&] {
                  open();
                  return request();
                },
                [&] { return request(); }),
            2);
}

TEST_F(SystemCalls, ARequestTakesFourOnAForeignBlob) {
  publish(false);
  EXPECT_EQ(count_calls(
                [&] {
                  open();
                  return request();
                },
                [&] { return request(); }),
            4);
}

TEST_F(SystemCalls, TheCounterCounts) {
  EXPECT_EQ(count_calls([] { return true; },
                        [] {
                          for (int i = 0; i < 3; ++i) static_cast<void>(::syscall(SYS_getuid));
                          return true;
                        }),
            3);
}

}  // namespace
}  // namespace extreq::vmm
