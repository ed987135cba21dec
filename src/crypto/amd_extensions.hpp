// The extensions of a certificate (RFC 5280 section 4.2). Two are processed: basicConstraints and
// keyUsage. Others are kept as they are, and refused if they are critical.
// Internal to src/crypto/. Threading: pure.
#pragma once

#include "crypto/amd_certificate.hpp"

namespace extreq::crypto {

// Effect: reads the content of Extensions (a SEQUENCE OF Extension, RFC 5280 section 4.1) into
// `parsed`: extensions, ca, path_length and key_usage.
// Failure: invalid_input; `parsed` is then of no use.
[[nodiscard]] Status read_extensions(ByteView content, ParsedCertificate& parsed);

}  // namespace extreq::crypto
