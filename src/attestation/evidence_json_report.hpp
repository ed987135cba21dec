// A report that was taken apart into JSON members, put together again. Internal to
// evidence_json.cpp.
#pragma once

#include "attestation/evidence_json_value.hpp"
#include "attestation/report.hpp"

namespace extreq::attestation {

// From the members that the `sev` crate (6 and 7) gives its AttestationReport. It drops reserved
// bytes: they become zero, and so does what a later version has there, so that the signature of
// such a report no longer fits. Failure: as parse_evidence().
[[nodiscard]] Result<Report> report_from_members(const EvidenceValue& members);

}  // namespace extreq::attestation
