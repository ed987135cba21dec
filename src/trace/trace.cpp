#include "trace/trace.hpp"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace extreq::trace {
namespace {

using nlohmann::json;

constexpr int process = 1;

double microseconds(Clock::Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// Text from elsewhere need not be UTF-8.
std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Trace::Trace(std::string path, Clock& clock)
    : path_(std::move(path)), clock_(clock), begin_(clock.now()), file_(path_, std::ios::trunc) {}

Result<std::unique_ptr<Trace>> Trace::create(const std::string& path, Clock& clock) {
  std::unique_ptr<Trace> trace(new Trace(path, clock));
  trace->file_ << "["
               << text_of({{"ph", "M"},
                           {"name", "process_name"},
                           {"pid", process},
                           {"args", {{"name", "extreq"}}}});
  if (!trace->file_) return fail(Code::io, "trace: {} cannot be written", path);
  return trace;
}

int Trace::id_of(std::string_view track) {
  if (const auto found = tracks_.find(track); found != tracks_.end()) return found->second;
  const int id = static_cast<int>(tracks_.size());
  const auto name = [&](const char* what, const json& arguments) {
    file_ << ",\n"
          << text_of(
                 {{"ph", "M"}, {"name", what}, {"pid", process}, {"tid", id}, {"args", arguments}});
  };
  name("thread_name", {{"name", track}});
  name("thread_sort_index", {{"sort_index", id}});
  tracks_.emplace(track, id);
  return id;
}

void Trace::span(std::string_view track, std::string_view name, Clock::TimePoint start,
                 std::string_view detail) noexcept {
  const auto end = clock_.now();
  const std::lock_guard lock(mutex_);
  if (spans_ >= spans_max) {
    ++dropped_;
    return;
  }
  try {
    file_ << fmt::format(
        ",\n"
        R"({{"ph":"X","pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f},"name":{}{}}})",
        process, id_of(track), microseconds(start - begin_), microseconds(end - start),
        text_of(name), detail.empty() ? "" : R"(,"args":{"detail":)" + text_of(detail) + "}");
    ++spans_;
  } catch (...) {
    ++dropped_;
  }
}

Status Trace::finish() {
  const std::lock_guard lock(mutex_);
  if (dropped_ != 0) {
    file_ << ",\n"
          << text_of({{"ph", "i"},
                      {"s", "g"},
                      {"name", fmt::format("{} more spans are not in this file", dropped_)},
                      {"pid", process},
                      {"tid", 0},
                      {"ts", microseconds(clock_.now() - begin_)}});
  }
  file_ << "]\n";
  file_.close();
  if (!file_) return fail(Code::io, "trace: {} could not be written", path_);
  return {};
}

}  // namespace extreq::trace
