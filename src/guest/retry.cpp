#include "guest/retry.hpp"

#include <algorithm>
#include <utility>

namespace extreq::guest {

BusyRetry::BusyRetry(const RetryLimits& limits, Clock& clock, std::stop_token stop)
    : clock_(clock),
      stop_(std::move(stop)),
      deadline_(clock.now() + limits.deadline),
      next_wait_(std::min(limits.busy_wait_first, limits.busy_wait_max)),
      wait_max_(limits.busy_wait_max),
      left_(limits.busy_max) {}

bool BusyRetry::wait(Notes& notes) {
  if (left_ == 0 || stop_requested() || deadline_ - clock_.now() < next_wait_) return false;
  --left_;
  clock_.sleep_for(next_wait_);
  notes.busy_wait += next_wait_;
  // Not 2 * next_wait_ first: a wait near the type's end may not overflow.
  next_wait_ = next_wait_ > wait_max_ / 2 ? wait_max_ : 2 * next_wait_;
  return true;
}

TableOffer::TableOffer(const RetryLimits& limits, std::uint64_t capacity) noexcept
    : max_(std::min(limits.table_pages_max, capacity)),
      pages_(std::min(limits.table_pages_first, max_)),
      growths_max_(limits.table_growths_max) {}

void TableOffer::move_to(const RetryLimits& limits, std::uint64_t capacity) noexcept {
  max_ = std::min(limits.table_pages_max, capacity);
  pages_ = std::min(std::max(pages_, limits.table_pages_first), max_);
}

std::optional<NoCertificates> TableOffer::grow(std::uint64_t wanted, Notes& notes) noexcept {
  notes.pages_wanted = wanted;
  notes.too_small = TooSmall{pages_, wanted, 0};
  if (wanted <= pages_) return NoCertificates::absurd_length;
  if (wanted > max_) return NoCertificates::table_too_large;
  if (growths_ == growths_max_) return NoCertificates::table_keeps_growing;
  ++growths_;
  ++notes.table_growths;
  pages_ = wanted;
  return std::nullopt;
}

}  // namespace extreq::guest
