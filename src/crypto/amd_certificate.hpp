// A bounded reader for certificates of exactly AMD's forms: ARK, ASK, ASVK, VCEK and VLEK (document
// 57230), and those that the software model makes after them. Internal to src/crypto/.
//
// It is there for speed: it takes a few microseconds where OpenSSL 3.0 takes over a hundred. It
// decides nothing: what it does not know, it leaves to OpenSSL, and what it takes, OpenSSL would
// have taken with the same values in every field (amd_certificate_test.cpp, and the fuzzer
// fuzz/amd_certificate.cpp, hold the two against each other).
//
// Effect: one pass, no recursion, bounded by the size of `der`. Threading: a pure function.
#pragma once

#include <optional>

#include "crypto/x509_parse.hpp"

namespace extreq::crypto {

// nullopt: not of these forms. That says nothing about the certificate: ask OpenSSL.
[[nodiscard]] std::optional<ParsedCertificate> read_amd_certificate(ByteView der);

}  // namespace extreq::crypto
