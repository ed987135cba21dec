// The extensions of AMD's certificates: below its own arc any, and of the standard ones
// those that an ARK, ASK or ASVK has, in one form each. Internal to src/crypto/. Threading: pure.
#pragma once

#include "crypto/x509_parse.hpp"

namespace extreq::crypto {

// Effect: reads the content of Extensions (a SEQUENCE OF Extension, RFC 5280 section 4.1) into
// `parsed`: extensions, ca, path_length and key_usage. False: not of these forms; `parsed` is then
// of no use.
[[nodiscard]] bool read_amd_extensions(ByteView content, ParsedCertificate& parsed);

}  // namespace extreq::crypto
