#include "cli/service_log.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace extreq::cli {

void log_line(Priority priority, std::string_view text) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  if (journal) {
    fmt::print(stderr, "<{}>{}\n", static_cast<int>(priority), line);
  } else {
    fmt::print(stderr, "extreq host serve: {}\n", line);
  }
}

void notify_systemd(const char* state) { (void)::sd_notify(0, state); }

}  // namespace extreq::cli
