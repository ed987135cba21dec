#include "sim/evidence_check.hpp"

#include "base/try.hpp"

namespace extreq::sim {
namespace {

using attestation::CheckId;

bool failed(const attestation::Verification& verification, CheckId id) {
  return verification.check(id).state == attestation::CheckState::failed;
}

}  // namespace

Result<attestation::Verification> EvidenceCheck::verify(const guest::Evidence& evidence,
                                                        const guest::ReportQuery& asked) {
  EXTREQ_TRY_ASSIGN(const auto report, attestation::Report::parse(evidence.report));
  const auto key = report.signing_key();
  if (!endorsement_ || table_ != evidence.certificate_table || table_key_ != key) {
    EXTREQ_TRY_ASSIGN(const auto table,
                      attestation::CertificateTable::parse(evidence.certificate_table));
    EXTREQ_TRY_ASSIGN(const auto certificates, attestation::certificates_of(table));
    endorsement_ = attestation::Endorsement::find(key, certificates, anchors_);
    table_ = evidence.certificate_table;
    table_key_ = key;
  }
  attestation::Expectations expectations;
  expectations.report_data = asked.report_data;
  return attestation::verify(report, *endorsement_, now_, expectations);
}

EvidenceCheck::Opinion EvidenceCheck::judge(const guest::Evidence& evidence,
                                            const guest::ReportQuery& asked) {
  if (evidence.notes.no_certificates) {
    return {Finding::no_certificates, std::string(guest::to_text(*evidence.notes.no_certificates))};
  }
  const auto verification = verify(evidence, asked);
  if (!verification) return {Finding::not_genuine, verification.error().message};
  if (failed(*verification, CheckId::signature) || failed(*verification, CheckId::reported_tcb)) {
    return {Finding::mismatch, attestation::summary(*verification)};
  }
  if (verification->verdict != attestation::Verdict::genuine) {
    return {Finding::not_genuine, attestation::summary(*verification)};
  }
  return {Finding::genuine, attestation::summary(*verification)};
}

}  // namespace extreq::sim
