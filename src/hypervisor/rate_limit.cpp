#include "hypervisor/rate_limit.hpp"

#include <algorithm>

namespace extreq::hypervisor {
namespace {

// Longer than any machine is up, short enough that sums of two never overflow.
constexpr Clock::Duration forever = std::chrono::hours(24 * 365 * 30);

[[nodiscard]] Clock::Duration time_of_burst(Clock::Duration interval,
                                            std::uint32_t burst) noexcept {
  const auto extra = static_cast<Clock::Duration::rep>(std::max(burst, 1U) - 1);
  if (extra != 0 && interval > forever / extra) return forever;
  return interval * extra;
}

}  // namespace

RateLimit::RateLimit(const RateLimitConfig& config, Clock& clock) noexcept
    : interval_(std::clamp(config.interval, Clock::Duration::zero(), forever)),
      burst_time_(time_of_burst(interval_, config.burst)),
      clock_(clock),
      next_(clock.now()) {}

RateLimit::Since& RateLimit::busy_since(std::uint8_t msg_vmpck) noexcept {
  return busy_since_[msg_vmpck % busy_since_.size()];
}

bool RateLimit::take_token(Clock::TimePoint now) noexcept {
  const Clock::TimePoint due = std::max(next_, now);
  if (due - now > burst_time_) return false;
  next_ = due + interval_;
  return true;
}

bool RateLimit::admit(std::uint8_t msg_vmpck) noexcept {
  const std::lock_guard lock(mutex_);
  const Clock::TimePoint now = clock_.now();
  if (take_token(now)) return true;
  Since& since = busy_since(msg_vmpck);
  if (!since) since = now;
  return now - *since >= busy_max;
}

void RateLimit::answered_busy(std::uint8_t msg_vmpck) noexcept {
  const std::lock_guard lock(mutex_);
  Since& since = busy_since(msg_vmpck);
  if (!since) since = clock_.now();
}

void RateLimit::answered(std::uint8_t msg_vmpck) noexcept {
  const std::lock_guard lock(mutex_);
  busy_since(msg_vmpck).reset();
}

}  // namespace extreq::hypervisor
