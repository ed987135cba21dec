// EndingSignals: signals that would end this process are noted instead, while an update must not be
// left half done.
//
// Held are all signals whose default action ends a process and that can come from outside or from a
// limit: SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGXCPU, SIGXFSZ, real-time
// signals and the like. Not held: SIGKILL, which cannot be; faults of the program itself (SIGSEGV,
// SIGABRT, ...); and job control (SIGTSTP stops the process, its locks stay). A signal that is
// ignored stays ignored (nohup). Dispositions are the process's, so it does not matter which thread
// is running or which signals other threads have blocked.
//
// Lifetime: the destructor restores the dispositions. Threading: one thread; one per process.
#pragma once

#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace extreq::host {

class EndingSignals {
 public:
  struct Noted {
    int number = 0;
    // The terminal sent it, to all processes of the foreground group or to the session's leader.
    bool from_kernel = false;
  };

  EndingSignals() = default;  // holds nothing yet
  ~EndingSignals() { release(); }
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  EndingSignals(EndingSignals&&) = delete;
  EndingSignals& operator=(EndingSignals&&) = delete;

  // Effect: from here on they are noted. Nothing if that was done before.
  // Failure: io: nothing is held.
  [[nodiscard]] Status hold();

  // Effect: the dispositions are again what they were before hold(). What was noted is not raised.
  // Async-signal-safe: a forked child calls it before exec.
  void release() noexcept;

  // Readable while something was noted that take() has not given; -1: nothing is held.
  [[nodiscard]] int descriptor() const noexcept;
  // The oldest one that was noted; nullopt: none is left. Allocates nothing, does not wait.
  [[nodiscard]] std::optional<Noted> take() noexcept;
  // The number of the first one that was noted since hold(); 0: none. Takes all that are left.
  [[nodiscard]] int first() noexcept;

 private:
  std::vector<std::pair<int, struct sigaction>> before_;  // what release() restores
  int first_ = 0;
};

}  // namespace extreq::host
