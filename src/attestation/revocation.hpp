// Revocation: is a certificate in use on a revocation list of its root? (document 57230; RFC 5280;
// doc/verification.md)
//
// AMD's key service serves two lists for a product, one under vcek and one under vlek; the ARK
// issues both. A list counts only if its root signed it, and at the time of the question it must
// be fresh: thisUpdate reached, nextUpdate there and not passed, its number not below one that is
// known. A certificate is revoked by serial number and issuer's name together: AMD's leaves all
// have serial 0, so a leaf is revoked only by an entry that names the ASK or ASVK as its issuer.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attestation/answers.hpp"
#include "attestation/certificate_table.hpp"
#include "crypto/crl.hpp"

namespace extreq::attestation {

enum class RevocationMode : std::uint8_t {
  off,         // lists are not looked at
  if_present,  // a list of the root that is there must be good; without one: not done
  required,    // without a good one the report is not genuine
};

// A handle to a list and to what was found out about its signature, so that many reports cost one
// RSA verification.
// Threading: const objects may be used from any number of threads; copies share.
class KnownList {
 public:
  explicit KnownList(crypto::RevocationList list);

  [[nodiscard]] const crypto::RevocationList& list() const noexcept;
  // As RevocationList::check_signed_by(), kept for the last issuer asked about.
  [[nodiscard]] bool signed_by(const crypto::Certificate& issuer) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

struct Revocation {
  RevocationMode mode = RevocationMode::if_present;
  std::vector<KnownList> lists;         // from files, a store, a key service
  std::vector<KnownList> served_lists;  // from the evidence: used for a root without any above
  // cRLNumber of a list seen before, big-endian: one with a lower number, or none, is refused.
  std::optional<Bytes> known_number;
};

// The list under the CRL's GUID; nullopt without one. Failure: invalid_input, naming the entry.
[[nodiscard]] Result<std::optional<KnownList>> revocation_list_of(const CertificateTable& table);

// CheckId::revocation. `certificates`: those in use; `root`: the ARK among them.
[[nodiscard]] Check check_revocation(std::span<const crypto::Certificate> certificates,
                                     const std::optional<crypto::Certificate>& root,
                                     const Revocation& revocation, std::chrono::sys_seconds at,
                                     Explain explain);

}  // namespace extreq::attestation
