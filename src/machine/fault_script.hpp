// FaultScript: the faults that are arranged for a guest, and how long each of them still lasts.
//
// Faults that are added stay until they are used up. Steps follow each other: each one's faults are
// there for one message of the guest to the firmware, however often the guest sends it, and what of
// them it did not meet is dropped with it.
// Threading: any thread.
#pragma once

#include <deque>
#include <mutex>
#include <optional>

#include "base/clock.hpp"
#include "machine/fault.hpp"

namespace extreq::machine {

class FaultScript {
 public:
  // Lifetime: the clock must outlive it.
  explicit FaultScript(Clock& clock = system_clock()) noexcept : clock_(clock) {}

  void add(const Fault& fault);
  // Replaces the steps; the first one's faults are there at once.
  void set_steps(FaultSteps steps);

  // The next arranged fault of this kind, used up by one; nothing if there is none. One that lasts
  // begins now, if it has not begun, and is given until its time is over.
  [[nodiscard]] std::optional<Fault> take(FaultKind kind);

  // The firmware has seen a message: the next step.
  void message_done();

  // Those added that no request has met, and the steps that no message has reached: words for
  // people, empty if there are none.
  [[nodiscard]] std::string left() const;

 private:
  struct Arranged {
    Fault fault;
    bool of_step = false;
    std::optional<Clock::TimePoint> end;  // of one that lasts, once it has begun
  };

  void begin_step();

  Clock& clock_;
  mutable std::mutex mutex_;
  std::deque<Arranged> faults_;
  std::deque<std::vector<Fault>> steps_;  // the first one is the one that is under way
};

}  // namespace extreq::machine
