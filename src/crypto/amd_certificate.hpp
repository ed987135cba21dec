// The one reader of certificates: ARK, ASK, ASVK, VCEK and VLEK (document 57230), and those that
// the software model makes after them. Internal to src/crypto/.
//
// All of it is DER, the signed part too (X.690 sections 10 and 11): lengths are definite and in
// their shortest form, strings are not constructed, defaults are not written. What is let through
// beside that, see x509.hpp. What it takes, OpenSSL takes with the same values in every field
// (amd_certificate_test.cpp, and fuzz/amd_certificate.cpp).
//
// Effect: one pass, no recursion, bounded by the size of `der`. Threading: a pure function.
#pragma once

#include "crypto/x509.hpp"

namespace extreq::crypto {

// A certificate taken apart, once, when it is read: what class Certificate answers from.
struct ParsedCertificate {
  Bytes der;
  Bytes to_be_signed;  // as encoded in `der`
  Bytes signature;
  Bytes serial;
  Bytes issuer_der;
  Bytes subject_der;
  std::string issuer;
  std::string subject;
  std::string issuer_common_name;
  std::string subject_common_name;
  std::chrono::sys_seconds not_before;
  std::chrono::sys_seconds not_after;
  std::vector<CertificateExtension> extensions;
  bool ca = false;
  std::optional<std::uint32_t> path_length;
  // The first byte of keyUsage's bits, digitalSignature the highest; all set if it is absent.
  std::uint8_t key_usage = 0xFF;
  std::optional<RsaPublicKey> rsa_key;  // this or
  std::optional<EcdsaP384PublicKey> p384_key;

  friend bool operator==(const ParsedCertificate&, const ParsedCertificate&) = default;
};

// Failure: invalid_input, see Certificate::from_der().
[[nodiscard]] Result<ParsedCertificate> read_amd_certificate(ByteView der);

}  // namespace extreq::crypto
