// A TCP socket that listens.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace extreq::http {

// Effect: listens on an IPv4 or IPv6 address of this machine (or a name for one, such as
// "localhost"), without blocking. `port` 0: a free one. The port is not shared: another program
// that listens there is a failure, connections of a former one that have not ended are none.
// Failure: io. Threading: any thread.
[[nodiscard]] Result<UniqueFd> listen_on(const std::string& address, int port);

// The port that a socket of listen_on has. Failure: io.
[[nodiscard]] Result<int> port_of(const UniqueFd& listener);

}  // namespace extreq::http
