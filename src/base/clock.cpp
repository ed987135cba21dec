#include "base/clock.hpp"

#include <thread>

namespace extreq {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const noexcept override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  }
  [[nodiscard]] std::chrono::sys_seconds utc() const noexcept override {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  }
  void sleep_for(Duration duration) noexcept override { std::this_thread::sleep_for(duration); }
};

}  // namespace

Clock& system_clock() noexcept {
  static SystemClock clock;
  return clock;
}

Clock::TimePoint ManualClock::now() const noexcept {
  return TimePoint(Duration(elapsed_ns_.load()));
}

std::chrono::sys_seconds ManualClock::utc() const noexcept {
  return utc_start_ +
         std::chrono::duration_cast<std::chrono::seconds>(Duration(elapsed_ns_.load()));
}

}  // namespace extreq
