// Do a report and the certificates that came with it belong together? Decided by the guest alone,
// from bytes in its own memory: the leaf of this very table signed this very report, and certifies
// its REPORTED_TCB and its chip.
//
// That is less than genuine: who vouches for the leaf is not asked (attestation::verify does). A
// failure here between two honest parties means that the host changed its signing key between table
// and signature.
// Threading: pure functions.
#pragma once

#include "attestation/endorsement.hpp"
#include "attestation/report.hpp"
#include "base/bytes.hpp"

namespace extreq::guest {

// `report` and `certificate_table` as a Transport gives them.
// Failure: not_genuine, naming the first check that fails, if they do not belong together, which
// includes a table without a leaf for the report's SIGNING_KEY; not_found if the table is empty;
// invalid_input or unsupported if one of them cannot be read.
[[nodiscard]] Status check_certificates_match(ByteView report, ByteView certificate_table);

// The same for a leaf that was read already; its chain is not asked for.
[[nodiscard]] Status check_certificates_match(const attestation::Report& report,
                                              const attestation::Endorsement& endorsement);

}  // namespace extreq::guest
