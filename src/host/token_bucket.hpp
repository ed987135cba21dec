// TokenBucket: so many at once, then one in each interval.
#pragma once

#include <mutex>

#include "base/clock.hpp"

namespace extreq::host {

class TokenBucket {
 public:
  // `burst` tokens at the start and at most; one more after each `interval`. An interval of zero:
  // no limit. `clock` must outlive the bucket.
  TokenBucket(unsigned burst, Clock::Duration interval, Clock& clock) noexcept
      : burst_(burst == 0 ? 1 : burst), interval_(interval), clock_(clock) {}

  // Takes a token if there is one: zero. Else nothing is taken: how long until there is one.
  // Threading: any thread.
  [[nodiscard]] Clock::Duration take();

  // There is no token for so long from now on.
  void pause(Clock::Duration silence);

 private:
  const unsigned burst_;
  const Clock::Duration interval_;
  Clock& clock_;
  std::mutex mutex_;
  Clock::TimePoint full_at_{};  // when the bucket is full again; the past: it is
};

}  // namespace extreq::host
