// Durations as options and answers say them: in seconds, with a fraction.
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace extreq::cli {

[[nodiscard]] inline Clock::Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(seconds));
}

[[nodiscard]] inline double in_seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace extreq::cli
