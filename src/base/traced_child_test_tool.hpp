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
    for (int signal = 0;;) {
      ::ptrace(PTRACE_SYSCALL, child_, nullptr, signal);
      if (::waitpid(child_, &status, __WALL) != child_ || !WIFSTOPPED(status)) {
        child_ = -1;
        return std::nullopt;
      }
      if (WSTOPSIG(status) != SIGCHLD) break;
      signal = SIGCHLD;  // of a child of its own: it goes on to it
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

  // Runs on until it has forked for the `number`th time, lets it go, and traces that child of it
  // instead, from its first instruction on. False: it has ended before.
  bool step_into_child(int number) {
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    ::ptrace(PTRACE_SETOPTIONS, child_, nullptr, options | PTRACE_O_TRACEFORK);
    for (int forks = 0, signal = 0;;) {
      ::ptrace(PTRACE_CONT, child_, nullptr, signal);
      int status = 0;
      if (::waitpid(child_, &status, __WALL) != child_ || !WIFSTOPPED(status)) {
        child_ = -1;
        return false;
      }
      signal = 0;
      if (status >> 8 != (SIGTRAP | (PTRACE_EVENT_FORK << 8))) {
        signal = WSTOPSIG(status);
        continue;
      }
      unsigned long forked = 0;
      ::ptrace(PTRACE_GETEVENTMSG, child_, nullptr, &forked);
      const auto child = static_cast<pid_t>(forked);
      EXPECT_EQ(::waitpid(child, &status, __WALL), child);
      const bool wanted = ++forks == number;
      ::ptrace(PTRACE_DETACH, wanted ? child_ : child, nullptr, 0);
      if (!wanted) continue;
      child_ = child;
      ::ptrace(PTRACE_SETOPTIONS, child_, nullptr, options);
      return true;
    }
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
