#include "host/ending_signals.hpp"

#include <array>
#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/try.hpp"
#include "base/unique_fd.hpp"

namespace extreq::host {
namespace {

using Noted = EndingSignals::Noted;

// What the handler writes to. Never closed: a handler may still run in another thread when the
// signals have been released.
struct NotePipe {
  UniqueFd read;
  UniqueFd write;
};

std::atomic<int> note_descriptor{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void note(int number, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  const Noted noted{number, info->si_code == SI_KERNEL};
  // A full pipe has thousands of them: one more would say nothing new.
  static_cast<void>(!::write(note_descriptor.load(), &noted, sizeof noted));
  errno = saved;
}

NotePipe& notes() noexcept {
  static NotePipe pipe;
  return pipe;
}

Status open_notes() {
  if (notes().read) return {};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("a pipe for signals");
  notes().read.reset(ends[0]);
  notes().write.reset(ends[1]);
  note_descriptor = ends[1];
  return {};
}

bool ends_a_process(int number) {
  switch (number) {
    case SIGKILL:  // cannot be held
    case SIGSTOP:
    case SIGSEGV:  // faults of the program itself
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
    case SIGCHLD:  // does not end it
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return false;
    default:
      return true;
  }
}

}  // namespace

Status EndingSignals::hold() {
  if (!before_.empty()) return {};
  EXTREQ_TRY(open_notes());
  while (take()) {  // what an earlier hold left
  }
  first_ = 0;
  struct sigaction noting {};
  noting.sa_sigaction = note;
  noting.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigemptyset(&noting.sa_mask);
  for (int number = 1; number <= SIGRTMAX; ++number) {
    struct sigaction before {};
    // EINVAL: the C library's own.
    if (!ends_a_process(number) || ::sigaction(number, nullptr, &before) != 0) continue;
    if (before.sa_handler == SIG_IGN) continue;
    before_.emplace_back(number, before);
    if (::sigaction(number, &noting, nullptr) != 0) before_.pop_back();
  }
  return {};
}

void EndingSignals::release() noexcept {
  for (const auto& [number, action] : before_) ::sigaction(number, &action, nullptr);
  before_.clear();
}

int EndingSignals::descriptor() const noexcept { return before_.empty() ? -1 : notes().read.get(); }

std::optional<Noted> EndingSignals::take() noexcept {
  Noted noted;
  if (::read(notes().read.get(), &noted, sizeof noted) != sizeof noted) return std::nullopt;
  if (first_ == 0) first_ = noted.number;
  return noted;
}

int EndingSignals::first() noexcept {
  while (take()) {
  }
  return first_;
}

}  // namespace extreq::host
