#include "firmware/model/report.hpp"

#include "attestation/ecdsa_layout.hpp"
#include "base/byte_builder.hpp"
#include "crypto/hash.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;

std::uint32_t key_info(const PlatformState& platform, const GuestContext& guest, SelectedKey key) {
  namespace info = snp::key_info;
  std::uint32_t signing_key =
      key == SelectedKey::vlek ? info::signing_key_vlek : info::signing_key_vcek;
  std::uint32_t bits = 0;
  if (guest.identity.author_key_en) bits |= info::author_key_en;
  if (platform.mask_chip_key) {
    bits |= info::mask_chip_key;
    signing_key = info::signing_key_none;
  }
  return bits | signing_key << info::signing_key_shift;
}

void fill_platform(snp::AttestationReport& report, const PlatformState& platform) {
  const FirmwareImage& firmware = platform.current;
  report.version = firmware.report_version;
  report.signature_algo = snp::signature_algo_ecdsa_p384_sha384;
  report.current_tcb = attestation::encode_tcb(firmware.tcb);
  report.platform_info = platform.platform_info;
  report.reported_tcb = attestation::encode_tcb(platform.reported_tcb);
  if (!platform.mask_chip_id) report.chip_id = platform.chip_id;
  report.committed_tcb = attestation::encode_tcb(platform.committed_tcb);
  report.current_version = firmware.version;
  report.committed_version = platform.committed_version;
  if (firmware.report_version >= snp::report_version_cpuid) {
    report.cpuid_family = platform.cpu.family;
    report.cpuid_model = platform.cpu.model;
    report.cpuid_stepping = platform.cpu.stepping;
  }
  if (firmware.report_version >= snp::report_version_mitigation_vectors) {
    report.current_mit_vector = firmware.mit_vector;
  }
}

void fill_guest(snp::AttestationReport& report, const GuestContext& guest) {
  constexpr std::uint8_t no_migration_agent = 0xFF;
  report.guest_svn = guest.identity.guest_svn;
  report.policy = guest.policy;
  report.family_id = guest.identity.family_id;
  report.image_id = guest.identity.image_id;
  report.measurement = guest.launch_digest.digest();
  report.host_data = guest.host_data;
  report.id_key_digest = guest.identity.id_key_digest;
  report.author_key_digest = guest.identity.author_key_digest;
  report.report_id = guest.report_id;
  report.report_id_ma.fill(no_migration_agent);
  report.launch_tcb = attestation::encode_tcb(guest.launch_tcb);
  if (report.version >= snp::report_version_mitigation_vectors) {
    report.launch_mit_vector = guest.launch_mit_vector;
  }
}

}  // namespace

SelectedKey select_key(std::uint32_t key_sel, const PlatformState& platform,
                       const GuestContext& guest) noexcept {
  const SelectedKey vcek = guest.vcek_disabled ? SelectedKey::none : SelectedKey::vcek;
  const SelectedKey vlek = platform.vlek ? SelectedKey::vlek : SelectedKey::none;
  switch (key_sel) {
    case snp::key_sel_vlek_or_vcek:
      return platform.vlek ? vlek : vcek;
    case snp::key_sel_vcek:
      return vcek;
    case snp::key_sel_vlek:
      return vlek;
    default:
      return SelectedKey::none;
  }
}

snp::AttestationReport make_report(const PlatformState& platform, const GuestContext& guest,
                                   const snp::ReportRequest& request, SelectedKey key,
                                   KeyCache& keys) {
  snp::AttestationReport report;
  fill_platform(report, platform);
  fill_guest(report, guest);
  report.vmpl = request.vmpl;
  report.report_data = request.report_data;
  report.key_info = key_info(platform, guest, key);
  if (platform.mask_chip_key) return report;
  const auto& signer =
      key == SelectedKey::vlek ? keys.vlek(platform, *platform.vlek) : keys.vcek(platform);
  const Bytes bytes = ByteBuilder(sizeof(report)).object(report).take();
  const auto digest = crypto::sha384(ByteView(bytes).first(snp::report_signed_size));
  report.signature = attestation::to_layout(signer.sign_digest(digest));
  return report;
}

}  // namespace extreq::firmware::model
