#include "attestation/evidence_json_report.hpp"

#include "attestation/tcb.hpp"
#include "base/byte_builder.hpp"

namespace extreq::attestation {
namespace {

namespace snp = abi::snp;

// A component that the layout has not is null.
Result<Tcb> read_tcb(const EvidenceValue& members) {
  Tcb tcb;
  Status status;
  if (members.has("fmc")) members.read<std::uint8_t>("fmc", tcb.fmc, status);
  members.read<std::uint8_t>("bootloader", tcb.bootloader, status);
  members.read<std::uint8_t>("tee", tcb.tee, status);
  members.read<std::uint8_t>("snp", tcb.snp, status);
  members.read<std::uint8_t>("microcode", tcb.microcode, status);
  if (!status) return tl::unexpected(status.error());
  return tcb;
}

Status read_tcbs(const EvidenceValue& members, snp::AttestationReport& report) {
  const auto read = [&](const std::string& key, abi::Le64& field) -> Status {
    EXTREQ_TRY_ASSIGN(const auto value, members.member(key));
    EXTREQ_TRY_ASSIGN(const Tcb tcb, read_tcb(value));
    field = encode_tcb(tcb);
    return {};
  };
  EXTREQ_TRY(read("current_tcb", report.current_tcb));
  EXTREQ_TRY(read("reported_tcb", report.reported_tcb));
  EXTREQ_TRY(read("committed_tcb", report.committed_tcb));
  return read("launch_tcb", report.launch_tcb);
}

Status read_version(const EvidenceValue& members, const std::string& key,
                    snp::FirmwareVersion& version) {
  EXTREQ_TRY_ASSIGN(const auto value, members.member(key));
  Status status;
  value.read<std::uint8_t>("major", version.major, status);
  value.read<std::uint8_t>("minor", version.minor, status);
  value.read<std::uint8_t>("build", version.build, status);
  return status;
}

Status read_signature(const EvidenceValue& members, snp::EcdsaSignature& signature) {
  EXTREQ_TRY_ASSIGN(const auto value, members.member("signature"));
  Status status;
  value.read("r", signature.r, status);
  value.read("s", signature.s, status);
  return status;
}

Status read_plain(const EvidenceValue& members, snp::AttestationReport& report) {
  Status status;
  members.read<std::uint32_t>("version", report.version, status);
  members.read<std::uint32_t>("guest_svn", report.guest_svn, status);
  members.read<std::uint64_t>("policy", report.policy, status);
  members.read("family_id", report.family_id, status);
  members.read("image_id", report.image_id, status);
  members.read<std::uint32_t>("vmpl", report.vmpl, status);
  members.read<std::uint32_t>("sig_algo", report.signature_algo, status);
  members.read<std::uint64_t>("plat_info", report.platform_info, status);
  members.read<std::uint32_t>("key_info", report.key_info, status);
  members.read("report_data", report.report_data, status);
  members.read("measurement", report.measurement, status);
  members.read("host_data", report.host_data, status);
  members.read("id_key_digest", report.id_key_digest, status);
  members.read("author_key_digest", report.author_key_digest, status);
  members.read("report_id", report.report_id, status);
  members.read("report_id_ma", report.report_id_ma, status);
  members.read("chip_id", report.chip_id, status);
  return status;
}

// null, or not there, where the report's version has no such field.
Status read_optional(const EvidenceValue& members, snp::AttestationReport& report) {
  Status status;
  const auto read = [&]<class Number>(Number, const std::string& key, auto& field) {
    if (members.has(key)) members.read<Number>(key, field, status);
  };
  read(std::uint8_t{}, "cpuid_fam_id", report.cpuid_family);
  read(std::uint8_t{}, "cpuid_mod_id", report.cpuid_model);
  read(std::uint8_t{}, "cpuid_step", report.cpuid_stepping);
  read(std::uint64_t{}, "launch_mit_vector", report.launch_mit_vector);
  read(std::uint64_t{}, "current_mit_vector", report.current_mit_vector);
  return status;
}

}  // namespace

Result<Report> report_from_members(const EvidenceValue& members) {
  snp::AttestationReport report;
  EXTREQ_TRY(read_plain(members, report));
  EXTREQ_TRY(read_tcbs(members, report));
  EXTREQ_TRY(read_optional(members, report));
  EXTREQ_TRY(read_version(members, "current", report.current_version));
  EXTREQ_TRY(read_version(members, "committed", report.committed_version));
  EXTREQ_TRY(read_signature(members, report.signature));
  return Report::parse(ByteBuilder().object(report).view());
}

}  // namespace extreq::attestation
