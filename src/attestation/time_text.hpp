// Times as people and options write them: RFC 3339, in UTC.
//
// Threading: pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace extreq::attestation {

// "2026-01-31T12:00:00Z"
[[nodiscard]] std::string to_rfc3339(std::chrono::sys_seconds time);

// RFC 3339 section 5.6: "2026-01-31T12:00:00Z", with an offset ("+01:00") in the place of Z;
// fractions of a second are cut off. Failure: invalid_input for anything else, and for days and
// hours that do not exist (a leap second is none here).
[[nodiscard]] Result<std::chrono::sys_seconds> from_rfc3339(std::string_view text);

}  // namespace extreq::attestation
