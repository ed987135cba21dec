// What is looked at before a certificate is stored, and again before it is served.
//
// Threading: pure functions.
#pragma once

#include <chrono>
#include <span>

#include "attestation/chain.hpp"
#include "attestation/trust_anchors.hpp"
#include "host/certificate_key.hpp"

namespace extreq::host {

enum class Freshness : std::uint8_t {
  valid_now,    // for what comes from elsewhere
  not_expired,  // for what was valid when it was stored: a clock that was set back changes nothing
};

struct CheckedChain {
  crypto::Certificate intermediate;
  crypto::Certificate root;
};

// That `leaf` is the certificate for `key` (a VLEK's key without holder: of any provider), and that
// ASK or ASVK and ARK out of `authorities`, which may hold anything, lead from it to a trusted
// root; all three within their time at `now`. Failure: not_genuine, naming the certificate and what
// is wrong with it; for a certificate out of its time with both times.
[[nodiscard]] Result<CheckedChain> check_leaf(const crypto::Certificate& leaf,
                                              const CertificateKey& key,
                                              std::span<const crypto::Certificate> authorities,
                                              const attestation::TrustAnchors& anchors,
                                              std::chrono::sys_seconds now, Freshness freshness);

}  // namespace extreq::host
