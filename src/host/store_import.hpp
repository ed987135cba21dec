// Certificates and revocation lists that came another way than from the key service: into the
// store, verified like those.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "attestation/trust_anchors.hpp"
#include "crypto/crl.hpp"
#include "host/store.hpp"

namespace extreq::host {

struct ImportResult {
  std::vector<std::string> stored;   // "Milan VCEK of chip ... for ...", "SEV-Milan", ...
  std::vector<std::string> refused;  // what, and why
};

struct ImportedList {
  crypto::RevocationList list;
  KeyKind kind = KeyKind::vcek;  // under whose paths it was fetched: the list does not say
};

// Effect: stores each VCEK and VLEK with its chain, and each ASK and ASVK with its ARK. The chain
// is looked for among `certificates`, in any order, and in the store; its root must be trusted. A
// certificate that is refused does not keep the others out. A root alone is not stored: it says
// nothing. A list is stored if a trusted root signed it, which is looked for in the same places;
// one that is older than what is stored is refused.
// Failure: that of the store; what was stored before stays.
[[nodiscard]] Result<ImportResult> import_certificates(
    CertificateStore& store, std::span<const crypto::Certificate> certificates,
    std::span<const ImportedList> lists, const attestation::TrustAnchors& anchors,
    std::chrono::sys_seconds now);

}  // namespace extreq::host
