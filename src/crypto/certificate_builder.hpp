// Issuing certificates as AMD's KDS does: X.509 version 3, signed with RSASSA-PSS, SHA-384,
// salt 48.
//
// OpenSSL encodes the parts; they are put together here, because it cannot write the explicit
// trailerField that most of AMD's certificates have.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crypto/ecdsa_p384.hpp"
#include "crypto/rsa.hpp"
#include "crypto/x509.hpp"

namespace extreq::crypto {

// Written in AMD's order and types; an empty part is left out.
struct DistinguishedName {
  std::string organizational_unit;  // OU
  std::string country;              // C, two letters
  std::string locality;             // L
  std::string state;                // ST
  std::string organization;         // O
  std::string common_name;          // CN
};

// What makes a CA: critical basicConstraints and critical keyUsage.
struct CertificateAuthority {
  std::optional<std::uint32_t> path_length;  // intermediates that may follow; none: no limit
  bool signs_crls = false;                   // AMD's ARK does; its ASK and ASVK do not
};

struct CertificateContent {
  std::uint64_t serial = 0;  // AMD's leaves have 0
  DistinguishedName issuer;
  DistinguishedName subject;
  std::chrono::sys_seconds not_before;
  std::chrono::sys_seconds not_after;
  std::variant<RsaPublicKey, EcdsaP384PublicKey> subject_key;
  std::optional<CertificateAuthority> authority;
  std::vector<CertificateExtension> extensions;  // behind those of `authority`, in this order
  bool explicit_trailer_field = true;  // as AMD does, Turin's leaves excepted; DER forbids it
};

// Effect: a certificate over `content`, signed by `issuer_key`.
// Failure: invalid_input if a name, a time or an OID cannot be encoded, or if what comes out is not
// a certificate (the same extension twice, say); unsupported if OpenSSL cannot sign.
// Threading: any thread.
[[nodiscard]] Result<Certificate> issue_certificate(const CertificateContent& content,
                                                    const RsaPrivateKey& issuer_key);

}  // namespace extreq::crypto
