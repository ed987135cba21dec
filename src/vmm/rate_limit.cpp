#include "vmm/rate_limit.hpp"

#include <algorithm>
#include <limits>

namespace extreq::vmm {
namespace {

constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min();
// Longer than any machine runs, and small enough that sums with it do not overflow.
constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max() / 4;

std::int64_t tolerance(std::int64_t interval, std::uint32_t burst) noexcept {
  const std::int64_t further = std::max<std::uint32_t>(burst, 1) - 1;
  if (interval <= 0 || further == 0) return 0;
  return further > longest / interval ? longest : further * interval;
}

}  // namespace

RateLimit::RateLimit(Clock::Duration interval, std::uint32_t burst) noexcept
    : interval_(std::min<std::int64_t>(interval.count(), longest)),
      tolerance_(tolerance(interval_, burst)),
      due_(long_ago) {}

bool RateLimit::admit(Clock::TimePoint now) noexcept {
  if (interval_ <= 0) return true;
  const std::int64_t present = now.time_since_epoch().count();
  std::int64_t due = due_.load();
  for (;;) {
    const std::int64_t base = std::max(due, present);
    if (base - present > tolerance_) return false;
    if (due_.compare_exchange_weak(due, base + interval_)) return true;
  }
}

}  // namespace extreq::vmm
