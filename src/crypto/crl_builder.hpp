// Issuing revocation lists as AMD's key service does: version 2, signed with RSASSA-PSS, SHA-384,
// salt 48. For the software key service and for tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "crypto/crl.hpp"

namespace extreq::crypto {

struct RevocationListContent {
  struct Entry {
    Bytes serial;                     // big-endian
    std::optional<Bytes> issuer_der;  // certificateIssuer: makes the list an indirect one
  };

  Bytes issuer_der;
  std::chrono::sys_seconds this_update;
  std::optional<std::chrono::sys_seconds> next_update;
  std::optional<std::uint64_t> number;
  std::vector<Entry> entries;
  bool indirect = false;                         // says so, whatever the entries hold
  std::vector<CertificateExtension> extensions;  // behind those of the fields above
};

// Failure: invalid_input if a time cannot be encoded or if what comes out is not a list that
// RevocationList reads; unsupported if OpenSSL cannot sign. Threading: any thread.
[[nodiscard]] Result<RevocationList> issue_revocation_list(const RevocationListContent& content,
                                                           const RsaPrivateKey& issuer_key);

// The same unread: what other software may send. Failure: without that of reading.
[[nodiscard]] Result<Bytes> encode_revocation_list(const RevocationListContent& content,
                                                   const RsaPrivateKey& issuer_key);

}  // namespace extreq::crypto
