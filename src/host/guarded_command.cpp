#include "host/guarded_command.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/try.hpp"
#include "base/unique_fd.hpp"

namespace extreq::host {
namespace {

constexpr int not_executed = 127;  // as a shell says it; why stands in the pipe for exec's failure

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("a pipe to the command");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// No signal reaches this thread, nor what it forks, until the end.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { restore(); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked(AllSignalsBlocked&&) = delete;
  AllSignalsBlocked& operator=(AllSignalsBlocked&&) = delete;

  void restore() const noexcept { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

// An ignored SIGCHLD would let the kernel reap the command: nobody could learn its exit status.
class ChildrenAreWaitedFor {
 public:
  ChildrenAreWaitedFor() {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &usual, &before_);
  }
  ~ChildrenAreWaitedFor() { restore(); }
  ChildrenAreWaitedFor(const ChildrenAreWaitedFor&) = delete;
  ChildrenAreWaitedFor& operator=(const ChildrenAreWaitedFor&) = delete;
  ChildrenAreWaitedFor(ChildrenAreWaitedFor&&) = delete;
  ChildrenAreWaitedFor& operator=(ChildrenAreWaitedFor&&) = delete;

  void restore() const noexcept { ::sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

// Retries after signals. The error is left in errno.
template <class Call>
auto again(const Call& call) noexcept {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// ---- In forked children: async-signal-safe calls only. ----

// The keeper. It exits with an error before it has opened the gate: the command is not run.
[[noreturn]] void keep(int lock, int command, int gate) noexcept {
  ::setsid();
  ::prctl(PR_SET_NAME, "extreq-keeper");  // who holds the lock, as operators see it
  std::array<int, 3> kept{lock, command, gate};
  std::sort(kept.begin(), kept.end());
  unsigned from = 0;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > from && ::close_range(from, number - 1, 0) != 0) ::_exit(1);
    from = number + 1;
  }
  if (::close_range(from, ~0U, 0) != 0) ::_exit(1);
  const char open = 1;
  if (again([&] { return ::write(gate, &open, 1); }) == 1) {
    pollfd end{command, POLLIN, 0};
    while (::poll(&end, 1, -1) != 1) {
    }
  }
  ::_exit(0);
}

// The command's process, until it becomes the command.
[[noreturn]] void become(char* const* arguments, int lock, int gate, int failure) noexcept {
  char open = 0;
  int error = 0;
  if (again([&] { return ::read(gate, &open, 1); }) != 1) {
    error = ECANCELED;
  } else if (::fcntl(lock, F_SETFD, 0) == 0) {
    ::execvp(arguments[0], arguments);
    error = errno;
  } else {
    error = errno;
  }
  static_cast<void>(!::write(failure, &error, sizeof error));
  ::_exit(not_executed);
}

// ---- In the updater. No allocation and nothing that throws while the command runs. ----

bool is_for_the_command(const EndingSignals::Noted& noted) noexcept {
  switch (noted.number) {
    case SIGTERM:
      return true;
    case SIGINT:
    case SIGQUIT:
      return !noted.from_kernel;
    case SIGHUP:
      // A hang-up itself is told to the session's leader alone.
      return !noted.from_kernel || ::getsid(0) == ::getpid();
    default:
      return false;
  }
}

void wait_for_its_end(int command, EndingSignals& signals) noexcept {
  std::array<pollfd, 2> events{pollfd{command, POLLIN, 0}, pollfd{signals.descriptor(), POLLIN, 0}};
  for (;;) {
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[0].revents != 0) return;
    while (const auto noted = signals.take()) {
      if (!is_for_the_command(*noted)) continue;
      ::syscall(SYS_pidfd_send_signal, command, noted->number, nullptr, 0);
    }
  }
}

int reap(pid_t child) noexcept {
  int status = 0;
  again([&] { return ::waitpid(child, &status, 0); });
  return status;
}

// A forked child that is ended and reaped at the latest with this object.
class Child {
 public:
  explicit Child(pid_t pid) noexcept : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap(pid_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Its status, once it has ended.
  [[nodiscard]] int take_status() noexcept { return reap(std::exchange(pid_, -1)); }

 private:
  pid_t pid_;
};

Status outcome(const std::string& program, int status, std::optional<int> not_run) {
  if (not_run == ECANCELED) {
    return fail(Code::io, "{}: was not run: the process that keeps the lock for it ended", program);
  }
  if (not_run) {
    return fail(*not_run == ENOENT ? Code::not_found : Code::io, "{}: {}", program,
                std::generic_category().message(*not_run));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status)) {
    return fail(Code::io, "{}: exit status {}", program, WEXITSTATUS(status));
  }
  return fail(Code::io, "{}: killed by signal {}", program, WTERMSIG(status));
}

}  // namespace

Status run_guarded_command(std::vector<std::string> arguments, int lock_descriptor,
                           EndingSignals& signals) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  EXTREQ_TRY_ASSIGN(Pipe gate, make_pipe());
  EXTREQ_TRY_ASSIGN(Pipe failure, make_pipe());
  const ChildrenAreWaitedFor waited_for;
  std::optional<AllSignalsBlocked> blocked(std::in_place);

  Child command(::fork());
  if (command.pid() < 0) return fail_errno("{}: a process for it", arguments[0]);
  if (command.pid() == 0) {
    gate.write.reset();
    signals.release();
    waited_for.restore();
    blocked->restore();
    become(pointers.data(), lock_descriptor, gate.read.get(), failure.write.get());
  }
  gate.read.reset();
  failure.write.reset();
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, command.pid(), 0)));
  if (!pidfd) return fail_errno("{}: a descriptor of its process", arguments[0]);

  const Child keeper(::fork());
  if (keeper.pid() < 0) return fail_errno("{}: a process that keeps the lock", arguments[0]);
  if (keeper.pid() == 0) keep(lock_descriptor, pidfd.get(), gate.write.get());
  gate.write.reset();
  blocked.reset();

  wait_for_its_end(pidfd.get(), signals);
  const int status = command.take_status();
  int error = 0;
  std::optional<int> not_run;
  if (::read(failure.read.get(), &error, sizeof error) == sizeof error) not_run = error;
  return outcome(arguments[0], status, not_run);
}

}  // namespace extreq::host
