#include "sim/recorder.hpp"

#include <ctime>

namespace extreq::sim {

const char* name(Stage stage) noexcept {
  switch (stage) {
    case Stage::guest:
      return "guest";
    case Stage::verify:
      return "verify";
    case Stage::hypervisor:
      return "hypervisor";
    case Stage::vmm:
      return "vmm";
    case Stage::firmware:
      return "firmware";
    case Stage::update:
      return "update";
  }
  return "unknown";
}

void Recorder::add_time(Stage stage, Ticks cpu_time) noexcept {
  totals_[static_cast<std::size_t>(stage)] += cpu_time.count();
}

Recorder::Ticks Recorder::total(Stage stage) const noexcept {
  return Ticks(totals_[static_cast<std::size_t>(stage)].load());
}

Clock::TimePoint Recorder::now() const noexcept {
  return trace_ != nullptr ? trace_->now() : Clock::TimePoint();
}

void Recorder::span(std::string_view track, std::string_view what,
                    Clock::TimePoint start) noexcept {
  if (trace_ != nullptr) trace_->span(track, what, start);
}

Recorder::Ticks Recorder::thread_cpu_time() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace extreq::sim
