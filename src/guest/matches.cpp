#include "guest/matches.hpp"

#include <array>
#include <optional>

#include "attestation/verification.hpp"
#include "base/try.hpp"

namespace extreq::guest {
namespace {

namespace guids = abi::ghcb::certificate_table;
using attestation::Check;
using attestation::CheckId;
using attestation::CheckState;
using attestation::SigningKey;

// Those of attestation::verify that speak of report and leaf alone.
constexpr std::array pair_checks{CheckId::signing_key,  CheckId::signature_algorithm,
                                 CheckId::signature,    CheckId::product,
                                 CheckId::reported_tcb, CheckId::chip_id};

}  // namespace

Status check_certificates_match(ByteView report_bytes, ByteView certificate_table) {
  EXTREQ_TRY_ASSIGN(const auto report, attestation::Report::parse(report_bytes));
  EXTREQ_TRY_ASSIGN(const auto table, attestation::CertificateTable::parse(certificate_table));
  if (table.empty()) return fail(Code::not_found, "the reply has no certificates");
  const auto& guid = report.signing_key() == SigningKey::vlek ? guids::guid_vlek : guids::guid_vcek;
  const auto entry = table.find(guid);
  if (!entry) {
    return fail(Code::not_genuine,
                "the report's SIGNING_KEY is {}, and the table that came with it has no {}",
                to_text(report.signing_key()), *attestation::certificate_name(guid));
  }
  EXTREQ_TRY_ASSIGN(const auto leaves, crypto::Certificate::from_pem_or_der(*entry));
  const attestation::Chain no_chain(std::nullopt, std::nullopt, attestation::TrustAnchors());
  return check_certificates_match(report, attestation::Endorsement(leaves.front(), no_chain));
}

Status check_certificates_match(const attestation::Report& report,
                                const attestation::Endorsement& endorsement) {
  const auto verification = attestation::verify(report, endorsement, {}, {});
  if (!endorsement.key()) {
    return fail(Code::not_genuine, "the certificate that came with the report is no leaf: {}",
                verification.check(CheckId::leaf).why);
  }
  for (const CheckId id : pair_checks) {
    const Check& check = verification.check(id);
    const auto& kind = attestation::kind_of(id);
    if (check.state == CheckState::failed ||
        (check.state == CheckState::not_done && !kind.may_be_left_out)) {
      return fail(Code::not_genuine, "report and certificates do not belong together: {}: {}",
                  kind.title, check.why);
    }
  }
  return {};
}

}  // namespace extreq::guest
