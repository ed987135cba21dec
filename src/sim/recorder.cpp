#include "sim/recorder.hpp"

#include <ctime>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/file.hpp"

namespace extreq::sim {
namespace {

double microseconds(Recorder::Ticks ticks) { return static_cast<double>(ticks.count()) / 1000.0; }

}  // namespace

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

Recorder::Recorder(std::size_t max_spans)
    : start_(std::chrono::steady_clock::now()), max_spans_(max_spans) {}

Recorder::TrackId Recorder::add_track(std::string name) {
  const std::scoped_lock lock(mutex_);
  tracks_.push_back(std::move(name));
  return static_cast<TrackId>(tracks_.size() - 1);
}

void Recorder::add_time(Stage stage, Ticks cpu_time) noexcept {
  totals_[static_cast<std::size_t>(stage)] += cpu_time.count();
}

Recorder::Ticks Recorder::total(Stage stage) const noexcept {
  return Ticks(totals_[static_cast<std::size_t>(stage)].load());
}

void Recorder::span(TrackId track, const char* what, Ticks begin, Ticks end) {
  if (max_spans_ == 0) return;
  const std::scoped_lock lock(mutex_);
  if (spans_.size() >= max_spans_) {
    ++dropped_;
    return;
  }
  spans_.push_back({track, what, begin, end});
}

Recorder::Ticks Recorder::now() const noexcept {
  return std::chrono::duration_cast<Ticks>(std::chrono::steady_clock::now() - start_);
}

Recorder::Ticks Recorder::thread_cpu_time() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Status Recorder::write_trace(const std::string& path) const {
  fmt::memory_buffer out;
  {
    const std::scoped_lock lock(mutex_);
    auto to = std::back_inserter(out);
    fmt::format_to(to, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"dropped_spans\":{}}},",
                   dropped_);
    fmt::format_to(to, "\"traceEvents\":[\n");
    fmt::format_to(to, R"({{"ph":"M","pid":1,"name":"process_name","args":{{"name":"extreq"}}}})");
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
      // Track names are the simulation's own: no characters that JSON would need escaped.
      fmt::format_to(
          to,
          ",\n"
          R"({{"ph":"M","pid":1,"tid":{0},"name":"thread_name","args":{{"name":"{1}"}}}})",
          i, tracks_[i]);
      fmt::format_to(
          to,
          ",\n"
          R"({{"ph":"M","pid":1,"tid":{0},"name":"thread_sort_index","args":{{"sort_index":{0}}}}})",
          i);
    }
    for (const Span& span : spans_) {
      fmt::format_to(to,
                     ",\n"
                     R"({{"ph":"X","pid":1,"tid":{},"name":"{}","ts":{:.3f},"dur":{:.3f}}})",
                     span.track, span.what, microseconds(span.begin),
                     microseconds(span.end - span.begin));
    }
    fmt::format_to(to, "\n]}}\n");
  }
  return replace_file(path, to_bytes({out.data(), out.size()}), 0644);
}

}  // namespace extreq::sim
