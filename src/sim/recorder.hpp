// Recorder: where the time of a simulated request goes.
//
// It adds up CPU time per stage, and hands spans on to a trace. CPU time, not wall time, because
// the threads of a simulation share few cores: the wall time of a stage would be mostly somebody
// else's. Threading: any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "trace/trace.hpp"

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

  // Without a trace only totals are recorded. Lifetime: the trace must outlive it.
  explicit Recorder(trace::Trace* trace = nullptr) noexcept : trace_(trace) {}

  void add_time(Stage stage, Ticks cpu_time) noexcept;
  [[nodiscard]] Ticks total(Stage stage) const noexcept;

  // nullptr: there is none.
  [[nodiscard]] trace::Trace* trace() const noexcept { return trace_; }
  [[nodiscard]] Clock::TimePoint now() const noexcept;
  // What began at `start` ends now.
  void span(std::string_view track, std::string_view what, Clock::TimePoint start) noexcept;

  // CPU time of the calling thread.
  [[nodiscard]] static Ticks thread_cpu_time() noexcept;

 private:
  trace::Trace* trace_;
  std::array<std::atomic<Ticks::rep>, stage_count> totals_{};
};

// Measures one stage on the calling thread, and records it as a span if a trace is kept.
// Lifetime: the recorder and the texts must outlive it.
class StageTimer {
 public:
  StageTimer(Recorder& recorder, Stage stage, std::string_view track,
             std::string_view what) noexcept
      : recorder_(recorder),
        stage_(stage),
        track_(track),
        what_(what),
        begin_(recorder.now()),
        cpu_begin_(Recorder::thread_cpu_time()) {}
  ~StageTimer() {
    recorder_.add_time(stage_, Recorder::thread_cpu_time() - cpu_begin_);
    recorder_.span(track_, what_, begin_);
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Recorder& recorder_;
  Stage stage_;
  std::string_view track_;
  std::string_view what_;
  Clock::TimePoint begin_;
  Recorder::Ticks cpu_begin_;
};

}  // namespace extreq::sim
