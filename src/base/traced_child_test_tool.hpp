// TracedChild: a forked child that stops at each entry into and each return from a system call, so
// that tests can kill it at every step, count its calls, or let a call fail. x86-64.
#pragma once

#include <csignal>
#include <functional>
#include <optional>

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace extreq::test {

class TracedChild {
 public:
  // The child waits before `body`. What it allocates and opens before is the parent's copy.
  explicit TracedChild(const std::function<void()>& body) : child_(::fork()) {
    if (child_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      body();
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child_, &status, 0), child_);
    EXPECT_TRUE(WIFSTOPPED(status));
    ::ptrace(PTRACE_SETOPTIONS, child_, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  }
  ~TracedChild() { kill(); }
  TracedChild(const TracedChild&) = delete;
  TracedChild& operator=(const TracedChild&) = delete;
  TracedChild(TracedChild&&) = delete;
  TracedChild& operator=(TracedChild&&) = delete;

  // Runs on to the next stop; gives the number of the system call that is entered or returned from,
  // nothing once the child has ended.
  std::optional<unsigned long long> next_stop() {
    int status = 0;
    ::ptrace(PTRACE_SYSCALL, child_, nullptr, nullptr);
    if (::waitpid(child_, &status, 0) != child_ || !WIFSTOPPED(status)) {
      child_ = -1;
      return std::nullopt;
    }
    EXPECT_EQ(WSTOPSIG(status), SIGTRAP | 0x80) << "the child was stopped by a signal";
    struct user_regs_struct registers {};
    ::ptrace(PTRACE_GETREGS, child_, nullptr, &registers);
    return registers.orig_rax;
  }

  // At a stop that is an entry: the call is not made and fails with `error`. Runs on to its return.
  void fail_call(int error) {
    struct user_regs_struct registers {};
    ::ptrace(PTRACE_GETREGS, child_, nullptr, &registers);
    registers.orig_rax = ~0ULL;  // no system call has this number
    ::ptrace(PTRACE_SETREGS, child_, nullptr, &registers);
    ASSERT_TRUE(next_stop());
    ::ptrace(PTRACE_GETREGS, child_, nullptr, &registers);
    registers.rax = static_cast<unsigned long long>(-error);
    ::ptrace(PTRACE_SETREGS, child_, nullptr, &registers);
  }

  // kill -9, and waits until it is gone with its descriptors.
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    int status = 0;
    while (::waitpid(child_, &status, 0) == child_ && !WIFEXITED(status) && !WIFSIGNALED(status)) {
    }
    child_ = -1;
  }

 private:
  pid_t child_;
};

}  // namespace extreq::test
