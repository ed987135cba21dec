// TcbRotation: changes the reported TCB all the while that guests ask for reports: what a host does
// once in months, many times a second.
//
// Lifetime: the switch must outlive it. The destructor ends it.
// Threading: it works on a thread of its own; the counts may be read at any time.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "machine/tcb_switch.hpp"

namespace extreq::machine {

class TcbRotation {
 public:
  // Effect: makes one whole rotation, so that a failure shows at once; then goes on by itself.
  // Failure: as TcbSwitch.change().
  [[nodiscard]] static Result<std::unique_ptr<TcbRotation>> start(TcbSwitch& tcb,
                                                                  std::chrono::milliseconds pause);
  ~TcbRotation() = default;
  TcbRotation(const TcbRotation&) = delete;
  TcbRotation& operator=(const TcbRotation&) = delete;
  TcbRotation(TcbRotation&&) = delete;
  TcbRotation& operator=(TcbRotation&&) = delete;

  [[nodiscard]] unsigned failures() const noexcept { return failures_; }

 private:
  TcbRotation(TcbSwitch& tcb, std::chrono::milliseconds pause);

  std::atomic<unsigned> failures_{0};
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace extreq::machine
