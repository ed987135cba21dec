// Trace: what happened when, as a file for Perfetto (ui.perfetto.dev) or chrome://tracing.
//
// Format: the "Trace Event Format" of Chrome, JSON array form: complete events ('X') on named
// tracks; times in microseconds since the trace began.
// Effect: events are written as they end; a file whose writer was killed lacks its last bracket,
// which the viewers forgive.
// Failure: io, from create() and finish() only: a trace that cannot be written stops nothing.
// Threading: any thread.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace extreq::trace {

class Trace {
 public:
  static constexpr std::uint64_t spans_max = 200'000;

  // Lifetime: the clock must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Trace>> create(const std::string& path,
                                                             Clock& clock = system_clock());

  [[nodiscard]] Clock::TimePoint now() const noexcept { return clock_.now(); }

  // What began at `start` ends now. The first span of a track makes the track. `detail` is shown
  // beside the name; any text.
  void span(std::string_view track, std::string_view name, Clock::TimePoint start,
            std::string_view detail = {}) noexcept;

  // Ends the file. Later spans are lost. If spans were left out (those after spans_max, or for
  // want of memory), the last event says how many.
  [[nodiscard]] Status finish();

 private:
  Trace(std::string path, Clock& clock);

  [[nodiscard]] int id_of(std::string_view track);

  std::string path_;
  Clock& clock_;
  Clock::TimePoint begin_;
  std::mutex mutex_;
  std::ofstream file_;
  std::map<std::string, int, std::less<>> tracks_;
  std::uint64_t spans_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace extreq::trace
