// Revocation: is a certificate in use on a revocation list of its root? (document 57230; RFC 5280;
// doc/verification.md)
//
// AMD's key service serves two lists for a product, one under vcek and one under vlek. The ARK
// issues both, and nothing in a list says which of the two it is: an ASVK that is revoked stands in
// the second alone. So a list carries what its caller knows about it.
//
// Each list that the report's root signed may revoke, whatever its age and origin. The check passes
// only with one that is known to be the list for the report's SIGNING_KEY and is fresh: thisUpdate
// reached, nextUpdate there and not passed, its number not below one that is known. A list from the
// evidence never counts so: the host chose it.
// A certificate is revoked by serial number and issuer's name together: AMD's leaves all have
// serial 0, so a leaf is revoked only by an entry that names the ASK or ASVK as its issuer.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attestation/answers.hpp"
#include "attestation/certificate_table.hpp"
#include "attestation/report.hpp"
#include "crypto/crl.hpp"

namespace extreq::attestation {

enum class RevocationMode : std::uint8_t {
  off,         // lists are not read
  if_present,  // without a fresh list for the report's key: not done; failed if there is one that
               // may be it and is not fresh or not the root's
  required,    // without a fresh list for the report's key the report is not genuine
};

// A handle to a list and to what was found out about its signature, so that many reports cost one
// RSA verification.
// Threading: const objects may be used from any number of threads; copies share.
class KnownList {
 public:
  // `key`: whose list it is, by the URL or the store that it came from: VCEK or VLEK. nullopt: it
  // is not known.
  explicit KnownList(crypto::RevocationList list, std::optional<SigningKey> key = std::nullopt);

  [[nodiscard]] const crypto::RevocationList& list() const noexcept;
  [[nodiscard]] std::optional<SigningKey> key() const noexcept { return key_; }
  // As RevocationList::check_signed_by(), kept for the last issuer asked about.
  [[nodiscard]] bool signed_by(const crypto::Certificate& issuer) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
  std::optional<SigningKey> key_;
};

struct Revocation {
  RevocationMode mode = RevocationMode::if_present;
  std::vector<KnownList> lists;         // from files, a store, a key service
  std::vector<KnownList> served_lists;  // from the evidence: they may revoke, and no more
  // cRLNumber of a list seen before, big-endian: a list above for the report's key, or for an
  // unknown one, does not count with a lower number or none.
  std::optional<Bytes> known_number;
};

// The list under the CRL's GUID; nullopt without one. Failure: invalid_input, naming the entry.
[[nodiscard]] Result<std::optional<KnownList>> revocation_list_of(const CertificateTable& table);

// CheckId::revocation. `key`: the report's SIGNING_KEY; `certificates`: those in use; `root`: the
// ARK among them.
[[nodiscard]] Check check_revocation(SigningKey key,
                                     std::span<const crypto::Certificate> certificates,
                                     const std::optional<crypto::Certificate>& root,
                                     const Revocation& revocation, std::chrono::sys_seconds at,
                                     Explain explain);

}  // namespace extreq::attestation
