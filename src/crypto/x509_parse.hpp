// A certificate taken apart, once, when it is read. Internal to src/crypto/.
#pragma once

#include "crypto/x509.hpp"

namespace extreq::crypto {

inline constexpr std::string_view rsassa_pss_sha384_name =
    "RSASSA-PSS with SHA-384 and a salt of 48 bytes";

// What class Certificate answers from; nothing of OpenSSL's certificate object is kept.
struct ParsedCertificate {
  Bytes der;
  Bytes to_be_signed;  // as encoded in `der`
  Bytes signature;
  std::string signature_algorithm;
  bool signature_is_pss_sha384 = false;
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
  bool unknown_critical_extension = false;
  bool ca = false;
  std::optional<std::uint32_t> path_length;
  std::uint32_t key_usage = 0;  // OpenSSL's KU_ bits; all of them if the extension is absent
  std::string public_key_name;
  std::optional<RsaPublicKey> rsa_key;
  std::optional<EcdsaP384PublicKey> p384_key;

  friend bool operator==(const ParsedCertificate&, const ParsedCertificate&) = default;
};

// At most Certificate::max_input bytes. Failure: invalid_input, see Certificate::from_der().
// AMD's forms are read by our own reader (amd_certificate.hpp), all others by OpenSSL.
[[nodiscard]] Result<ParsedCertificate> parse_certificate(ByteView der);

// The same by OpenSSL alone: the judge of our reader.
[[nodiscard]] Result<ParsedCertificate> parse_certificate_with_openssl(ByteView der);

}  // namespace extreq::crypto
