// OpenSSL's reading of a certificate: the judge of ours (amd_certificate.hpp), for tests and
// fuzzers. Threading: a pure function.
#pragma once

#include <optional>

#include "crypto/amd_certificate.hpp"

namespace extreq::crypto {

// nullopt: OpenSSL does not read it, or reads what ParsedCertificate cannot hold.
[[nodiscard]] std::optional<ParsedCertificate> read_with_openssl(ByteView der);

// What our reader promises: OpenSSL takes it with the same values in every field, and no critical
// extension is taken that nobody processes.
[[nodiscard]] bool is_read_as_by_openssl(const ParsedCertificate& ours);

}  // namespace extreq::crypto
