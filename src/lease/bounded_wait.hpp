// BoundedWait: asks again and again until a deadline, soon at first and then four times in a
// millisecond.
//
// Why polling: a wait inside fcntl(F_OFD_SETLKW) has no deadline, and the signal that would end it
// belongs to the program that uses this library.
// Threading: one wait, one thread.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"

namespace extreq::lease {

class BoundedWait {
 public:
  static constexpr Clock::Duration first_pause = std::chrono::microseconds(20);
  static constexpr Clock::Duration longest_pause = std::chrono::microseconds(250);

  // A negative wait is none; one without end ends at the end of the clock.
  BoundedWait(Clock& clock, Clock::Duration longest) noexcept
      : clock_(&clock), start_(clock.now()), deadline_(start_) {
    longest = std::max(longest, Clock::Duration::zero());
    deadline_ += std::min(longest, Clock::TimePoint::max() - start_);
  }

  // Sleeps for the next pause and says true, or says false because the deadline is over.
  [[nodiscard]] bool again() noexcept {
    const Clock::TimePoint now = clock_->now();
    if (now >= deadline_) return false;
    clock_->sleep_for(std::min(pause_, deadline_ - now));
    pause_ = std::min(2 * pause_, longest_pause);
    return true;
  }

  [[nodiscard]] Clock::Duration elapsed() const noexcept { return clock_->now() - start_; }
  [[nodiscard]] Clock::Duration remaining() const noexcept {
    return std::max(deadline_ - clock_->now(), Clock::Duration::zero());
  }

 private:
  Clock* clock_;
  Clock::TimePoint start_;
  Clock::TimePoint deadline_;
  Clock::Duration pause_ = first_pause;
};

}  // namespace extreq::lease
