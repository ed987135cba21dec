#include "attestation/report.hpp"

#include <algorithm>

#include "attestation/ecdsa_layout.hpp"
#include "base/byte_reader.hpp"

namespace extreq::attestation {

namespace snp = abi::snp;

std::string_view to_text(SigningKey key) noexcept {
  switch (key) {
    case SigningKey::vcek:
      return "VCEK";
    case SigningKey::vlek:
      return "VLEK";
    case SigningKey::none:
      return "none";
    case SigningKey::unknown:
      break;
  }
  return "unknown";
}

Result<Report> Report::parse(ByteView bytes) {
  const auto fields = ByteReader(bytes).object<snp::AttestationReport>();
  if (!fields || bytes.size() != size) {
    const bool is_response = bytes.size() == sizeof(snp::ReportResponse);
    return fail(
        Code::invalid_input, "attestation report: {:#x} bytes found, {:#x} wanted{}", bytes.size(),
        size,
        is_response ? "; this is the size of a MSG_REPORT_RSP, which has its report at 0x20" : "");
  }
  if (all_zero(bytes)) {
    return fail(Code::invalid_input,
                "attestation report: all bytes are zero, as a request that failed leaves them");
  }
  if (fields->version < snp::report_version_min) {
    return fail(Code::unsupported, "attestation report: version {} found, {} or later wanted",
                fields->version.get(), snp::report_version_min);
  }
  return Report(*fields);
}

bool Report::author_key_en() const noexcept {
  return (key_info() & snp::key_info::author_key_en) != 0;
}

bool Report::mask_chip_key() const noexcept {
  return (key_info() & snp::key_info::mask_chip_key) != 0;
}

SigningKey Report::signing_key() const noexcept {
  switch ((key_info() >> snp::key_info::signing_key_shift) & snp::key_info::signing_key_mask) {
    case snp::key_info::signing_key_vcek:
      return SigningKey::vcek;
    case snp::key_info::signing_key_vlek:
      return SigningKey::vlek;
    case snp::key_info::signing_key_none:
      return SigningKey::none;
    default:
      return SigningKey::unknown;
  }
}

std::optional<Report::Cpuid> Report::cpuid() const noexcept {
  if (version() < snp::report_version_cpuid) return std::nullopt;
  return Cpuid{fields_.cpuid_family, fields_.cpuid_model, fields_.cpuid_stepping};
}

std::optional<std::uint64_t> Report::launch_mit_vector() const noexcept {
  if (version() < snp::report_version_mitigation_vectors) return std::nullopt;
  return fields_.launch_mit_vector;
}

std::optional<std::uint64_t> Report::current_mit_vector() const noexcept {
  if (version() < snp::report_version_mitigation_vectors) return std::nullopt;
  return fields_.current_mit_vector;
}

Result<crypto::EcdsaP384Signature> Report::signature() const {
  return read_signature(fields_.signature);
}

}  // namespace extreq::attestation
