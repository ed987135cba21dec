// Certificates that came another way than from the key service: into the store, verified like
// those.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "attestation/trust_anchors.hpp"
#include "host/store.hpp"

namespace extreq::host {

struct ImportResult {
  std::vector<std::string> stored;   // "Milan VCEK of chip ... for ...", "SEV-Milan", ...
  std::vector<std::string> refused;  // what, and why
};

// Effect: stores each VCEK and VLEK with its chain, and each ASK and ASVK with its ARK. The chain
// is looked for among `certificates`, in any order, and in the store; its root must be trusted. A
// certificate that is refused does not keep the others out. A root alone is not stored: it says
// nothing. Failure: that of the store; what was stored before stays.
[[nodiscard]] Result<ImportResult> import_certificates(
    CertificateStore& store, std::span<const crypto::Certificate> certificates,
    const attestation::TrustAnchors& anchors, std::chrono::sys_seconds now);

}  // namespace extreq::host
