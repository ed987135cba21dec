// Clock: the one seam to time, so that waits and limits are tested without waiting.
//
// system_clock() is the machine's; ManualClock is a real library for tests and simulations: its
// sleep_for advances it and returns at once.
// Threading: both may be used from any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace extreq {

class Clock {
 public:
  using Duration = std::chrono::nanoseconds;
  using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

  virtual ~Clock() = default;
  // Monotonic: for deadlines and rates.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  // Seconds since 1970-01-01T00:00:00Z: for certificates' validity.
  [[nodiscard]] virtual std::chrono::sys_seconds utc() const noexcept = 0;
  virtual void sleep_for(Duration duration) noexcept = 0;
};

[[nodiscard]] Clock& system_clock() noexcept;

class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::chrono::sys_seconds utc = {}) noexcept : utc_start_(utc) {}
  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] std::chrono::sys_seconds utc() const noexcept override;
  void sleep_for(Duration duration) noexcept override { advance(duration); }
  void advance(Duration duration) noexcept { elapsed_ns_ += duration.count(); }

 private:
  std::chrono::sys_seconds utc_start_;
  std::atomic<Duration::rep> elapsed_ns_{0};
};

}  // namespace extreq
