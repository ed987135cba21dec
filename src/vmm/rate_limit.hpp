// RateLimit: how often the guest of one VM is served, on average and at once.
//
// Threading: any thread; calls do not wait for each other.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace extreq::vmm {

class RateLimit {
 public:
  // One request each `interval` on average, up to `burst` at once (zero counts as one). An interval
  // of zero or less: no limit.
  RateLimit(Clock::Duration interval, std::uint32_t burst) noexcept;

  // Whether one more request passes at `now`; if so, counts it.
  [[nodiscard]] bool admit(Clock::TimePoint now) noexcept;

 private:
  std::int64_t interval_;
  std::int64_t tolerance_;  // how far ahead of the average a burst may be
  // When the next request would be due if all came at the average rate, in the clock's nanoseconds.
  std::atomic<std::int64_t> due_;
};

}  // namespace extreq::vmm
