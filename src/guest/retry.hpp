// The bounds of what a host can make a guest do: how long and how often BUSY is waited out, and how
// far and how often the certificate buffer grows.
//
// Whatever the host answers, one request is sent at most
//   busy_max + table_growths_max + 2 times.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/clock.hpp"
#include "guest/transport.hpp"

namespace extreq::guest {

struct RetryLimits {
  // BUSY. Linux's driver gives up after 60 s as well; a host ends BUSY well before that.
  Clock::Duration deadline = std::chrono::seconds(60);              // of one call, from its start
  Clock::Duration busy_wait_first = std::chrono::milliseconds(10);  // doubled each time, up to
  Clock::Duration busy_wait_max = std::chrono::seconds(2);
  std::uint32_t busy_max = 64;
  // The certificate table.
  std::uint64_t table_pages_first = 4;  // 0: ask for the size first, which costs a firmware command
  std::uint64_t table_pages_max = 64;
  std::uint32_t table_growths_max = 4;
};

// The waits of one call. Threading: one thread at a time; the stop token may be any thread's.
class BusyRetry {
 public:
  BusyRetry(const RetryLimits& limits, Clock& clock, std::stop_token stop = {});

  // Effect: sleeps before the next send and answers true; or answers false at once, when the wait
  // would pass the deadline, busy_max waits are over, or a stop was requested. A stop that comes
  // during a wait is noticed at the next call.
  [[nodiscard]] bool wait(Notes& notes);

  [[nodiscard]] bool stop_requested() const noexcept { return stop_.stop_requested(); }

 private:
  Clock& clock_;
  std::stop_token stop_;
  Clock::TimePoint deadline_;
  Clock::Duration next_wait_;
  Clock::Duration wait_max_;
  std::uint32_t left_;
};

// The pages offered for certificates in one call, and in the calls after it: it keeps what
// sufficed.
class TableOffer {
 public:
  // `capacity`: the pages that there are.
  TableOffer(const RetryLimits& limits, std::uint64_t capacity) noexcept;

  // Starts a call: growths count anew.
  void begin() noexcept { growths_ = 0; }

  [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }

  // The pages are others now. What the table grew to stays, as far as they reach.
  void move_to(const RetryLimits& limits, std::uint64_t capacity) noexcept;

  // The host wants this many pages. Effect: nothing and pages() has grown; or why it may not grow.
  [[nodiscard]] std::optional<NoCertificates> grow(std::uint64_t wanted, Notes& notes) noexcept;

 private:
  std::uint64_t max_;
  std::uint64_t pages_;
  std::uint32_t growths_max_;
  std::uint32_t growths_ = 0;
};

}  // namespace extreq::guest
