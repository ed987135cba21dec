// RevocationList: one X.509 version 2 certificate revocation list (RFC 5280 section 5), read
// strictly. OpenSSL stands behind it.
//
// What is accepted is DER that encodes to itself again, with equal inner and outer
// signatureAlgorithm, at most max_entries entries, and no critical extension but those read here:
// a list that is a delta, or that leaves reasons, kinds of certificates or other distribution
// points out, is refused, because a certificate that is not on it may still be revoked. (AMD's
// lists have a number and an authorityKeyIdentifier and no other extension.)
//
// Here is only what the list says, and whether one key signed it. Whether it is fresh and whose
// certificates it is asked about, is for the caller to decide.
// Lifetime: owns what it needs. Threading: const objects may be used from any number of threads.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "crypto/x509.hpp"

namespace extreq::crypto {

class RevocationList {
 public:
  static constexpr std::size_t max_input = 1U << 20U;
  static constexpr std::size_t max_entries = 8192;

  struct Entry {
    Bytes serial;  // big-endian without leading zeros; the number 0 is one zero byte
    // Who issued the certificate: the list's issuer, or whom the entry or one before it names
    // (certificateIssuer, RFC 5280 section 5.3.3).
    Bytes issuer_der;
  };

  // One list in DER, or in one PEM block "X509 CRL".
  // Failure: invalid_input, with what is wrong with the bytes.
  [[nodiscard]] static Result<RevocationList> from_pem_or_der(ByteView bytes);

  [[nodiscard]] const Bytes& der() const noexcept { return der_; }
  [[nodiscard]] const std::string& issuer() const noexcept { return issuer_; }
  [[nodiscard]] const Bytes& issuer_der() const noexcept { return issuer_der_; }
  [[nodiscard]] std::chrono::sys_seconds this_update() const noexcept { return this_update_; }
  // RFC 5280 wants one; a list without it is never fresh.
  [[nodiscard]] const std::optional<std::chrono::sys_seconds>& next_update() const noexcept {
    return next_update_;
  }
  // cRLNumber, big-endian without leading zeros; the number 0 is one zero byte.
  [[nodiscard]] const std::optional<Bytes>& number() const noexcept { return number_; }
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }

  // By serial number and issuer's name, both whole: serial 0 alone revokes nobody.
  [[nodiscard]] bool names(const Certificate& certificate) const;

  // As Certificate::check_signed_by(). It does not ask whether the issuer may sign lists.
  [[nodiscard]] Status check_signed_by(const Certificate& issuer) const;

 private:
  friend class RevocationListReader;
  RevocationList() = default;

  Bytes der_;
  Bytes to_be_signed_;
  Bytes signature_;
  bool signature_is_pss_sha384_ = false;
  std::string issuer_;
  Bytes issuer_der_;
  std::chrono::sys_seconds this_update_{};
  std::optional<std::chrono::sys_seconds> next_update_;
  std::optional<Bytes> number_;
  std::vector<Entry> entries_;
};

}  // namespace extreq::crypto
