// OpenSSL's ASN.1 times as the standard library's, and back. Internal to src/crypto/.
#pragma once

#include <chrono>
#include <string_view>

#include <openssl/asn1.h>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace extreq::crypto {

// Failure: invalid_input, beginning with `which`, for what is not a time in UTC.
[[nodiscard]] Result<std::chrono::sys_seconds> read_time(const ASN1_TIME* time,
                                                         std::string_view which);

// DER: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5).
// Failure: invalid_input for years that have not four digits.
[[nodiscard]] Result<Bytes> encode_time(std::chrono::sys_seconds time);

}  // namespace extreq::crypto
