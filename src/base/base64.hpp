// Base64 (RFC 4648): written in the alphabet of section 4, with padding and without line breaks;
// read in that of section 4 or 5.
//
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace extreq {

[[nodiscard]] std::string to_base64(ByteView bytes);

// Either alphabet; padding may be left out, but not be wrong.
// Failure: invalid_input: a character of neither alphabet (line breaks too), a length that no bytes
// have, or bits behind the last byte that are not zero: no bytes have two texts of one form.
[[nodiscard]] Result<Bytes> from_base64(std::string_view text);

}  // namespace extreq
