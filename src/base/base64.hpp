// Base64 (RFC 4648 section 4), with padding and without line breaks.
//
// Threading: pure functions.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace extreq {

[[nodiscard]] std::string to_base64(ByteView bytes);

}  // namespace extreq
