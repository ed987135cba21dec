#include "attestation/checks.hpp"

namespace extreq::attestation {
namespace {

constexpr bool genuine = false;
constexpr bool acceptance = true;
constexpr bool needed = false;
constexpr bool optional = true;

constexpr std::array<CheckKind, check_count> kinds{{
    {CheckId::signing_key, "signing_key", "the report is signed with a VCEK or VLEK", genuine,
     needed},
    {CheckId::root_trusted, "root_trusted", "the root is trusted", genuine, needed},
    {CheckId::root, "root", "the root signed itself", genuine, needed},
    {CheckId::intermediate, "intermediate", "the root signed the ASK or ASVK", genuine, needed},
    {CheckId::leaf, "leaf", "the ASK or ASVK signed the VCEK or VLEK", genuine, needed},
    {CheckId::validity, "validity", "the certificates are valid at the time", genuine, needed},
    {CheckId::product, "product", "all are of one product", genuine, needed},
    {CheckId::revocation, "revocation", "no certificate is revoked", genuine, optional},
    {CheckId::signature_algorithm, "signature_algorithm", "the signature algorithm is known",
     genuine, needed},
    {CheckId::signature, "signature", "the VCEK or VLEK signed the report", genuine, needed},
    {CheckId::reported_tcb, "reported_tcb", "the certificate is for REPORTED_TCB", genuine, needed},
    {CheckId::chip_id, "chip_id", "the certificate is for CHIP_ID", genuine, optional},
    {CheckId::runtime_data, "runtime_data", "REPORT_DATA binds the runtime data", genuine,
     optional},
    {CheckId::report_data, "report_data", "REPORT_DATA is the one asked for", acceptance, optional},
    {CheckId::vmpl, "vmpl", "the VMPL is allowed", acceptance, optional},
    {CheckId::guest_policy, "guest_policy", "the guest policy suffices", acceptance, optional},
    {CheckId::platform_info, "platform_info", "the platform's settings suffice", acceptance,
     optional},
    {CheckId::minimum_tcb, "minimum_tcb", "the TCBs are high enough", acceptance, optional},
    {CheckId::minimum_version, "minimum_version", "the firmware is new enough", acceptance,
     optional},
    {CheckId::committed_firmware, "committed_firmware", "the firmware is committed", acceptance,
     optional},
    {CheckId::mitigations, "mitigations", "the mitigations are in place", acceptance, optional},
    {CheckId::measurement, "measurement", "MEASUREMENT is one asked for", acceptance, optional},
    {CheckId::host_data, "host_data", "HOST_DATA is one asked for", acceptance, optional},
    {CheckId::identity, "identity", "the ids and GUEST_SVN are as asked", acceptance, optional},
    {CheckId::platform, "platform", "product, key and chip are as asked", acceptance, optional},
    {CheckId::id_block, "id_block", "the ID block is as asked", acceptance, optional},
    {CheckId::certificate_table, "certificate_table", "the certificate table is as asked",
     acceptance, optional},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (static_cast<std::size_t>(kinds[i].id) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const std::array<CheckKind, check_count>& check_kinds() noexcept { return kinds; }

const CheckKind& kind_of(CheckId id) noexcept { return kinds[static_cast<std::size_t>(id)]; }

std::string_view to_text(CheckState state) noexcept {
  switch (state) {
    case CheckState::passed:
      return "passed";
    case CheckState::failed:
      return "failed";
    case CheckState::not_done:
      break;
  }
  return "not done";
}

}  // namespace extreq::attestation
