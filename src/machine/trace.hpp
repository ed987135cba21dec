// Trace: what a machine did and how long each part took, as a file for Perfetto or Chrome.
//
// Format: the "Trace Event Format" of Chrome, JSON array form: complete events ('X') on one track
// for each of those who act; times in microseconds since the trace began.
// Effect: events are written as they end; a file whose writer was killed lacks its last bracket,
// which the viewers forgive.
// Failure: io, from create() and finish() only: a trace that cannot be written stops nothing.
// Threading: any thread.
#pragma once

#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace extreq::machine {

class Trace {
 public:
  enum class Track : std::uint8_t { processor, hypervisor, firmware, certificates, guest, host };

  // Lifetime: the clock must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Trace>> create(const std::string& path,
                                                             Clock& clock = system_clock());

  [[nodiscard]] Clock::TimePoint now() const noexcept { return clock_.now(); }

  // What began at `start` ends now. `detail` is shown beside the name; any text.
  void span(Track track, std::string_view name, Clock::TimePoint start,
            std::string_view detail = {});

  // Events after a million are only counted.
  [[nodiscard]] std::uint64_t dropped() const;

  // Ends the file. Later events are lost.
  [[nodiscard]] Status finish();

 private:
  Trace(std::string path, Clock& clock);

  void name_track(Track track, std::string_view name);
  void write(const std::string& event);

  std::string path_;
  Clock& clock_;
  Clock::TimePoint begin_;
  mutable std::mutex mutex_;
  std::ofstream file_;
  std::uint64_t events_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace extreq::machine
