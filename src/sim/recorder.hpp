// Recorder: where the time of a simulated request goes.
//
// It adds up CPU time per stage, and keeps spans for a trace in Chrome's JSON format, which
// Perfetto (ui.perfetto.dev) and chrome://tracing show. CPU time, not wall time, because the
// threads of a simulation share few cores: the wall time of a stage would be mostly somebody
// else's. Threading: any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace extreq::sim {

enum class Stage : std::uint8_t {
  guest,       // sealing, GHCB, opening the response
  verify,      // the guest checks report and certificates
  hypervisor,  // from VMGEXIT to the next entry, without the firmware
  vmm,         // lease and copy of the certificates, run loop
  firmware,    // SNP_GUEST_REQUEST: open, sign, seal
  update,      // the host changes TCB and certificates
};
inline constexpr std::size_t stage_count = 6;
[[nodiscard]] const char* name(Stage stage) noexcept;

class Recorder {
 public:
  using Ticks = std::chrono::nanoseconds;
  using TrackId = std::uint32_t;

  // `max_spans`: how many spans a trace keeps; 0 records totals only. Later spans are counted as
  // dropped, and the trace says so.
  explicit Recorder(std::size_t max_spans = 0);

  [[nodiscard]] TrackId add_track(std::string name);

  void add_time(Stage stage, Ticks cpu_time) noexcept;
  [[nodiscard]] Ticks total(Stage stage) const noexcept;

  [[nodiscard]] bool tracing() const noexcept { return max_spans_ != 0; }
  void span(TrackId track, const char* what, Ticks begin, Ticks end);

  // Monotonic time since the recorder was made, for spans.
  [[nodiscard]] Ticks now() const noexcept;
  // CPU time of the calling thread.
  [[nodiscard]] static Ticks thread_cpu_time() noexcept;

  // Failure: io.
  [[nodiscard]] Status write_trace(const std::string& path) const;

 private:
  struct Span {
    TrackId track;
    const char* what;
    Ticks begin;
    Ticks end;
  };

  std::chrono::steady_clock::time_point start_;
  std::size_t max_spans_;
  std::array<std::atomic<Ticks::rep>, stage_count> totals_{};
  mutable std::mutex mutex_;
  std::vector<std::string> tracks_;
  std::vector<Span> spans_;
  std::uint64_t dropped_ = 0;
};

// Measures one stage on the calling thread, and records it as a span if a trace is kept.
class StageTimer {
 public:
  StageTimer(Recorder& recorder, Stage stage, Recorder::TrackId track, const char* what) noexcept
      : recorder_(recorder),
        stage_(stage),
        track_(track),
        what_(what),
        begin_(recorder.now()),
        cpu_begin_(Recorder::thread_cpu_time()) {}
  ~StageTimer() {
    recorder_.add_time(stage_, Recorder::thread_cpu_time() - cpu_begin_);
    recorder_.span(track_, what_, begin_, recorder_.now());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Recorder& recorder_;
  Stage stage_;
  Recorder::TrackId track_;
  const char* what_;
  Recorder::Ticks begin_;
  Recorder::Ticks cpu_begin_;
};

}  // namespace extreq::sim
