// Evidence, certificate tables and certificates as documents: every field under the name that its
// specification gives it. What a report's version lacks is null.
#pragma once

#include "attestation/certificate_table.hpp"
#include "attestation/evidence.hpp"
#include "attestation/report.hpp"
#include "cli/document.hpp"
#include "crypto/x509.hpp"

namespace extreq::cli {

// With the raw bytes, if its version is later than what is known here.
[[nodiscard]] Document describe(const attestation::Report& report);
// A raw report as above; else the report and what came with it, null where nothing did.
[[nodiscard]] Document describe(const attestation::Evidence& evidence);
[[nodiscard]] Document describe(const crypto::Certificate& certificate);
// Entries that hold no certificate are shown by their size and SHA-256, with the reason.
[[nodiscard]] Document describe(const attestation::CertificateTable& table);

}  // namespace extreq::cli
