// Lines of a service on standard error: with the priority that sd-daemon(3) reads where journald
// listens, plain ones elsewhere.
#pragma once

#include <string_view>

namespace extreq::cli {

enum class Priority : int { error = 3, warning = 4, info = 6 };  // as syslog(3) numbers them

// One line; line feeds in it become spaces.
void log_line(Priority priority, std::string_view text);

// sd_notify(3): `state` as it takes it. Nothing where systemd did not start us.
void notify_systemd(const char* state);

}  // namespace extreq::cli
