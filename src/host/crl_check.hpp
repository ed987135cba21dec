// What is looked at before a certificate revocation list is stored, and again before it is served.
//
// Threading: pure functions.
#pragma once

#include <chrono>
#include <span>

#include "attestation/trust_anchors.hpp"
#include "crypto/crl.hpp"
#include "host/certificate_check.hpp"
#include "host/store.hpp"

namespace extreq::host {

// That a trusted root of `product` signed `list` and may do so, that the list has a number and an
// end (RFC 5280 sections 5.1.2.5 and 5.2.3), and that it is within its time at `now`. The root is
// looked for in `authorities`, which may hold anything, and among the roots that the user named.
// A list does not say under which paths it is served: `kind` is what it was asked for.
// Failure: not_genuine, with what is wrong, found and expected.
[[nodiscard]] Result<StoredCrl> check_crl(const crypto::RevocationList& list,
                                          attestation::Product product, KeyKind kind,
                                          std::span<const crypto::Certificate> authorities,
                                          const attestation::TrustAnchors& anchors,
                                          std::chrono::sys_seconds now, Freshness freshness);

// "Milan CRL for VCEKs, number 0x5, until 2027-01-01T00:00:00Z"
[[nodiscard]] std::string to_text(const StoredCrl& crl);

}  // namespace extreq::host
