#include "machine/trace.hpp"

#include <nlohmann/json.hpp>

namespace extreq::machine {
namespace {

using nlohmann::json;

constexpr std::uint64_t events_max = 1000000;
constexpr int process = 1;

double microseconds(Clock::Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// Text from elsewhere need not be UTF-8.
std::string line_of(const json& event) {
  return event.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Trace::Trace(std::string path, Clock& clock)
    : path_(std::move(path)), clock_(clock), begin_(clock.now()), file_(path_, std::ios::trunc) {}

Result<std::unique_ptr<Trace>> Trace::create(const std::string& path, Clock& clock) {
  std::unique_ptr<Trace> trace(new Trace(path, clock));
  if (!trace->file_) return fail(Code::io, "trace: {} cannot be written", path);
  trace->name_track(Track::processor, "processor: stops");
  trace->name_track(Track::hypervisor, "hypervisor: exits");
  trace->name_track(Track::firmware, "firmware: guest requests");
  trace->name_track(Track::certificates, "VMM: leases on certificates");
  trace->name_track(Track::guest, "guest: commands");
  trace->name_track(Track::host, "host: TCB changes");
  return trace;
}

void Trace::name_track(Track track, std::string_view name) {
  write(line_of({{"ph", "M"},
                 {"name", "thread_name"},
                 {"pid", process},
                 {"tid", static_cast<int>(track)},
                 {"args", {{"name", name}}}}));
}

void Trace::write(const std::string& event) {
  file_ << (events_ == 0 ? "[" : ",\n") << event;
  ++events_;
}

void Trace::span(Track track, std::string_view name, Clock::TimePoint start,
                 std::string_view detail) {
  json event{{"ph", "X"},
             {"name", name},
             {"pid", process},
             {"tid", static_cast<int>(track)},
             {"ts", microseconds(start - begin_)},
             {"dur", microseconds(clock_.now() - start)}};
  if (!detail.empty()) event["args"] = {{"detail", detail}};
  const std::string line = line_of(event);
  const std::lock_guard lock(mutex_);
  if (events_ >= events_max) {
    ++dropped_;
    return;
  }
  write(line);
}

std::uint64_t Trace::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

Status Trace::finish() {
  const std::lock_guard lock(mutex_);
  file_ << "]\n";
  file_.close();
  if (!file_) return fail(Code::io, "trace: {} could not be written", path_);
  return {};
}

}  // namespace extreq::machine
