// EvidenceCheck: what a simulated guest thinks of the evidence in its memory.
//
// It decides alone, from the bytes of one reply: is the report signed under the leaf of the same
// reply, and is all of it genuine under the roots that the guest trusts? It keeps the last
// endorsement, as a guest that asks often would: the same certificates are examined once.
// Threading: one thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "attestation/verification.hpp"
#include "guest/transport.hpp"

namespace extreq::sim {

class EvidenceCheck {
 public:
  enum class Finding : std::uint8_t {
    genuine,
    no_certificates,  // the report came alone
    mismatch,         // report and leaf of one reply do not belong together: must never happen
    not_genuine,      // anything else is wrong
  };
  struct Opinion {
    Finding finding;
    std::string why;  // for people
  };

  EvidenceCheck(attestation::TrustAnchors anchors, std::chrono::sys_seconds now)
      : anchors_(std::move(anchors)), now_(now) {}

  [[nodiscard]] Opinion judge(const guest::Evidence& evidence, const guest::ReportQuery& asked);

 private:
  [[nodiscard]] Result<attestation::Verification> verify(const guest::Evidence& evidence,
                                                         const guest::ReportQuery& asked);

  attestation::TrustAnchors anchors_;
  std::chrono::sys_seconds now_;
  Bytes table_;  // whose endorsement is kept
  std::optional<attestation::SigningKey> table_key_;
  std::optional<attestation::Endorsement> endorsement_;
};

}  // namespace extreq::sim
