// Where a server of ours may listen.
#pragma once

#include <string>

#include "base/result.hpp"

namespace extreq::cli {

// cpp-httplib bounds neither the length of a header line nor the time of a whole request: anybody
// who reaches the port can exhaust this machine's memory. So `allow_remote` must be given for an
// address that other machines reach.
//
// Failure: invalid_input if `address` is neither in 127.0.0.0/8, ::1 nor "localhost", and
// `allow_remote` is false. Threading: a pure function.
[[nodiscard]] Status check_listen_address(const std::string& address, bool allow_remote);

}  // namespace extreq::cli
