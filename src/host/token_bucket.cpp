#include "host/token_bucket.hpp"

#include <algorithm>

namespace extreq::host {

Clock::Duration TokenBucket::take() {
  const std::lock_guard guard(mutex_);
  const auto now = clock_.now();
  const auto full_at = std::max(full_at_, now) + interval_;
  const auto wait = full_at - (now + burst_ * interval_);
  if (wait > Clock::Duration::zero()) return wait;
  full_at_ = full_at;
  return Clock::Duration::zero();
}

void TokenBucket::pause(Clock::Duration silence) {
  const std::lock_guard guard(mutex_);
  full_at_ = std::max(full_at_, clock_.now() + silence + (burst_ - 1) * interval_);
}

}  // namespace extreq::host
