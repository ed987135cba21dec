// Retry-After (RFC 9110 section 10.2.3): how long a service asks us to stay away.
//
// Threading: a pure function.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace extreq::host {

// Seconds, or an HTTP-date in any of its three forms (RFC 9110 section 5.6.7), which is compared
// with `now`; a date that is past is zero. nullopt: neither. At most `longest`.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                                    std::chrono::sys_seconds now,
                                                                    std::chrono::seconds longest);

}  // namespace extreq::host
