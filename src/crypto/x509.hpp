// Certificate: one X.509 version 3 certificate (RFC 5280) of AMD's profile: ARK, ASK, ASVK, VCEK or
// VLEK, read strictly by one reader (amd_certificate.hpp). OpenSSL decodes PEM and verifies RSA.
//
// What is accepted is DER throughout, the signed part too, of version 3, signed with RSASSA-PSS,
// over an RSA-4096 or ECDSA P-384 key; with equal inner and outer signatureAlgorithm, a serial
// number of at most 20 octets that is not negative, names of plain text, no extension twice, and no
// critical extension but basicConstraints and keyUsage: others are not processed (RFC 5280
// section 4.2). Of RFC 5280 and RFC 4055 exactly AMD's deviations are let through: serial number 0,
// the explicit default trailerField 1 in the RSASSA-PSS parameters, and a keyUsage BIT STRING with
// unneeded trailing zero bits.
//
// Here is only what one certificate says, and whether one key signed it. Whether a chain is to be
// believed (validity period, CA, key usage, revocation, pins) is for the caller to decide.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/ecdsa_p384.hpp"
#include "crypto/rsa.hpp"

namespace extreq::crypto {

struct ParsedCertificate;

// The only one that is accepted.
inline constexpr std::string_view certificate_signature_algorithm =
    "RSASSA-PSS with SHA-384 and a salt of 48 bytes";

struct CertificateExtension {
  std::string oid;  // dotted
  bool critical = false;
  Bytes content;  // of the extension's OCTET STRING

  friend bool operator==(const CertificateExtension&, const CertificateExtension&) = default;
};

// Lifetime: a handle; copies share what was parsed, and never are empty, not even moved from.
// Threading: immutable; any number of threads.
class Certificate {
 public:
  // More than any certificate and any bundle of them needs; longer input is refused unread.
  static constexpr std::size_t max_input = 1U << 20U;

  // Failure: invalid_input, with what is wrong with the bytes; bytes that follow the certificate
  // are wrong too.
  [[nodiscard]] static Result<Certificate> from_der(ByteView der);

  Certificate(const Certificate&) = default;
  Certificate& operator=(const Certificate&) = default;
  ~Certificate() = default;

  // One certificate in DER, or one or more PEM blocks; text between the blocks is ignored
  // (RFC 7468 section 2). Failure: invalid_input: neither; a block of another type; a broken one.
  // The message says what was found, and at which block.
  [[nodiscard]] static Result<std::vector<Certificate>> from_pem_or_der(ByteView bytes);

  [[nodiscard]] const Bytes& der() const noexcept;
  // One PEM block. Failure: unsupported with OpenSSL's reason.
  [[nodiscard]] Result<std::string> to_pem() const;

  // Names. The text is one line of printable ASCII, "OU = Engineering, C = US, ..., CN =
  // ARK-Milan". Compare names by their DER.
  [[nodiscard]] const std::string& subject() const noexcept;
  [[nodiscard]] const std::string& issuer() const noexcept;
  [[nodiscard]] const Bytes& subject_der() const noexcept;
  [[nodiscard]] const Bytes& issuer_der() const noexcept;
  // Empty if there is none.
  [[nodiscard]] const std::string& subject_common_name() const noexcept;
  [[nodiscard]] const std::string& issuer_common_name() const noexcept;

  // Big-endian without leading zeros; the number 0 is one zero byte.
  [[nodiscard]] const Bytes& serial() const noexcept;

  // The first and the last second of validity.
  [[nodiscard]] std::chrono::sys_seconds not_before() const noexcept;
  [[nodiscard]] std::chrono::sys_seconds not_after() const noexcept;

  // In the certificate's order; no OID twice.
  [[nodiscard]] const std::vector<CertificateExtension>& extensions() const noexcept;
  // nullopt if the certificate lacks it. Failure: invalid_input if the text is no dotted OID.
  [[nodiscard]] Result<std::optional<Bytes>> extension(std::string_view dotted_oid) const;

  // basicConstraints says CA (RFC 5280 section 4.2.1.9).
  [[nodiscard]] bool is_ca() const noexcept;
  // Intermediates that may follow; nullopt if not limited, or not a CA.
  [[nodiscard]] std::optional<std::uint32_t> path_length() const noexcept;
  // keyUsage is absent or has the bit (RFC 5280 section 4.2.1.3).
  [[nodiscard]] bool may_sign_certificates() const noexcept;
  [[nodiscard]] bool may_sign_crls() const noexcept;

  // "RSA-4096" or "ECDSA P-384".
  [[nodiscard]] std::string_view public_key_name() const noexcept;
  // Failure: unsupported if the key is of another kind; the message names it.
  [[nodiscard]] Result<EcdsaP384PublicKey> ecdsa_p384_key() const;
  [[nodiscard]] Result<RsaPublicKey> rsa_4096_key() const;

  // The issuer's name here and the subject's name there are the same bytes.
  [[nodiscard]] bool issued_by_name(const Certificate& issuer) const noexcept;

  // The signature alone, by the issuer's RSA-4096 key. Failure: not_genuine, for a signature that
  // does not fit and for any other key.
  [[nodiscard]] Status check_signed_by(const Certificate& issuer) const;

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.der() == b.der(); }

 private:
  explicit Certificate(std::shared_ptr<const ParsedCertificate> content)
      : content_(std::move(content)) {}

  // Never null: with the copy operations declared there are no move operations.
  std::shared_ptr<const ParsedCertificate> content_;
};

}  // namespace extreq::crypto
