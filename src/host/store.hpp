// CertificateStore: what has been fetched once, kept for good (doc/store.md).
//
// A certificate never changes: there is no call that changes or removes one, and nobody asks the
// key service about it again. A renewed one (a VLEK lives one year) stands beside the old one. CRLs
// do change: only a newer one replaces the one that is kept. The store believes its callers: they
// verify before they put (certificate_check.hpp), and whoever uses what comes out verifies that
// too.
//
// Who implements it: SqliteStore, and a database server for fleets.
// Failure of each call: io, naming the store and the cause (disk full, read-only, damaged); what
// was stored before stays. Threading: any thread, any number of processes.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "host/certificate_key.hpp"

namespace extreq::host {

// A certificate revocation list and what it says about itself (RFC 5280 section 5).
struct StoredCrl {
  attestation::Product product{};
  KeyKind kind = KeyKind::vcek;  // under whose paths it is served: there are two lists
  Bytes issuer;                  // SHA-256 of the ARK's DER
  Bytes number;                  // cRLNumber, big-endian, at most 20 bytes
  std::chrono::sys_seconds this_update;
  std::chrono::sys_seconds next_update;
  Bytes der;

  friend bool operator==(const StoredCrl&, const StoredCrl&) = default;
};

enum class PutCrl : std::uint8_t { stored, kept_newer };

struct StoredLeaf {
  CertificateKey key;
  crypto::Certificate certificate;
};

struct StoredAuthority {
  attestation::Product product{};
  KeyKind kind = KeyKind::vcek;  // whose chain it belongs to; an ARK belongs to both
  crypto::Certificate certificate;
};

struct StoreContent {
  std::vector<StoredLeaf> leaves;
  std::vector<StoredAuthority> authorities;
  std::vector<StoredCrl> crls;
};

class CertificateStore {
 public:
  virtual ~CertificateStore() = default;

  // All that were stored under `key`, the one that is valid longest first. A VLEK's key without
  // holder finds those of all providers.
  [[nodiscard]] virtual Result<std::vector<crypto::Certificate>> leaves(
      const CertificateKey& key) = 0;

  // Effect: keeps `leaf` under `key`, unless one that ends on the same second is kept there (the
  // service signs anew at each request; one of them is as good as the other).
  // Failure also: invalid_input for a key without holder.
  [[nodiscard]] virtual Status put_leaf(const CertificateKey& key,
                                        const crypto::Certificate& leaf) = 0;

  // ASK or ASVK and ARKs, the newest first.
  [[nodiscard]] virtual Result<std::vector<crypto::Certificate>> authorities(
      attestation::Product product, KeyKind kind) = 0;
  [[nodiscard]] virtual Status put_authority(attestation::Product product, KeyKind kind,
                                             const crypto::Certificate& authority) = 0;

  [[nodiscard]] virtual Result<std::optional<StoredCrl>> crl(attestation::Product product,
                                                             KeyKind kind, ByteView issuer) = 0;

  // Effect: keeps `crl` unless the one that is kept has a higher number, or the same number and a
  // later thisUpdate. Failure also: invalid_input for a number of no or more than 20 bytes, and for
  // an issuer that is no SHA-256.
  [[nodiscard]] virtual Result<PutCrl> put_crl(const StoredCrl& crl) = 0;

  // Everything, for people and for export.
  [[nodiscard]] virtual Result<StoreContent> content() = 0;
};

}  // namespace extreq::host
