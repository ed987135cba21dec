// What `extreq host status` shows: the platform, the key that signs, the table that guests get, who
// holds the lock, and whether they fit.
#pragma once

#include <chrono>
#include <string>

#include "firmware/platform.hpp"
#include "host/check_line.hpp"

namespace extreq::host {

// Effect: reads only; takes one lease for a moment. What cannot be had is a bad line, so it never
// fails. `utc` judges the certificates' validity.
// Threading: any thread, any process.
[[nodiscard]] CheckLines host_status(firmware::Platform& platform, const std::string& blob_path,
                                     std::chrono::sys_seconds utc);

}  // namespace extreq::host
