// Report: an attestation report as the firmware signed it (document 56860, "Attestation",
// ATTESTATION_REPORT; doc/report.md).
//
// The raw bytes stay with the report: what is verified, saved and sent on is never re-encoded.
// Fields that the report's version does not have are absent, not zero. Reserved bytes are no
// concern of parse(): they are signed like the rest, and firmware begins to use them unannounced.
// Lifetime: a report owns its bytes; references and views live as long as it.
// Threading: const objects may be used from any number of threads.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "crypto/ecdsa_p384.hpp"

namespace extreq::attestation {

// SIGNING_KEY of a report. Values between VLEK and none have no meaning so far.
enum class SigningKey : std::uint8_t { vcek, vlek, none, unknown };

// "VCEK", "VLEK", "none", "unknown"
[[nodiscard]] std::string_view to_text(SigningKey key) noexcept;

class Report {
 public:
  static constexpr std::size_t size = sizeof(abi::snp::AttestationReport);

  struct Cpuid {
    std::uint8_t family;  // combined with the extended family
    std::uint8_t model;   // combined with the extended model
    std::uint8_t stepping;
  };

  // Versions later than the last one known are taken: firmware has only ever added fields, in
  // bytes that were reserved. See version_is_known().
  // Failure: invalid_input for another size than 0x4A0 and for 0x4A0 zero bytes (what a failed
  // request leaves in its buffer); unsupported for versions that no firmware wrote. All name what
  // was found.
  [[nodiscard]] static Result<Report> parse(ByteView bytes);

  [[nodiscard]] ByteView bytes() const noexcept {
    // The layout has alignment 1 and no padding: it is the bytes.
    return {static_cast<const std::uint8_t*>(static_cast<const void*>(&fields_)), size};
  }
  [[nodiscard]] ByteView signed_bytes() const noexcept {
    return bytes().first(abi::snp::report_signed_size);
  }

  [[nodiscard]] std::uint32_t version() const noexcept { return fields_.version; }
  // False: this report is of a later version, and its fields are read as those of the last one
  // known.
  [[nodiscard]] bool version_is_known() const noexcept {
    return version() <= abi::snp::report_version_max;
  }

  [[nodiscard]] std::uint32_t guest_svn() const noexcept { return fields_.guest_svn; }
  [[nodiscard]] std::uint64_t policy() const noexcept { return fields_.policy; }
  [[nodiscard]] const abi::ByteArray<16>& family_id() const noexcept { return fields_.family_id; }
  [[nodiscard]] const abi::ByteArray<16>& image_id() const noexcept { return fields_.image_id; }
  [[nodiscard]] std::uint32_t vmpl() const noexcept { return fields_.vmpl; }
  [[nodiscard]] std::uint32_t signature_algo() const noexcept { return fields_.signature_algo; }
  [[nodiscard]] std::uint64_t platform_info() const noexcept { return fields_.platform_info; }
  [[nodiscard]] bool author_key_en() const noexcept;
  [[nodiscard]] bool mask_chip_key() const noexcept;
  [[nodiscard]] SigningKey signing_key() const noexcept;
  [[nodiscard]] std::uint32_t key_info() const noexcept { return fields_.key_info; }
  [[nodiscard]] const abi::ByteArray<64>& report_data() const noexcept {
    return fields_.report_data;
  }
  [[nodiscard]] const abi::ByteArray<48>& measurement() const noexcept {
    return fields_.measurement;
  }
  [[nodiscard]] const abi::ByteArray<32>& host_data() const noexcept { return fields_.host_data; }
  [[nodiscard]] const abi::ByteArray<48>& id_key_digest() const noexcept {
    return fields_.id_key_digest;
  }
  [[nodiscard]] const abi::ByteArray<48>& author_key_digest() const noexcept {
    return fields_.author_key_digest;
  }
  [[nodiscard]] const abi::ByteArray<32>& report_id() const noexcept { return fields_.report_id; }
  [[nodiscard]] const abi::ByteArray<32>& report_id_ma() const noexcept {
    return fields_.report_id_ma;
  }
  // All zero if the platform masks it. On Turin 8 bytes, then zeros.
  [[nodiscard]] const abi::ByteArray<64>& chip_id() const noexcept { return fields_.chip_id; }
  [[nodiscard]] bool chip_id_masked() const noexcept { return all_zero(fields_.chip_id); }

  // TCB_VERSIONs: decode_tcb() takes them apart by the product's layout.
  [[nodiscard]] std::uint64_t current_tcb() const noexcept { return fields_.current_tcb; }
  [[nodiscard]] std::uint64_t reported_tcb() const noexcept { return fields_.reported_tcb; }
  [[nodiscard]] std::uint64_t committed_tcb() const noexcept { return fields_.committed_tcb; }
  [[nodiscard]] std::uint64_t launch_tcb() const noexcept { return fields_.launch_tcb; }

  [[nodiscard]] const abi::snp::FirmwareVersion& current_version() const noexcept {
    return fields_.current_version;
  }
  [[nodiscard]] const abi::snp::FirmwareVersion& committed_version() const noexcept {
    return fields_.committed_version;
  }

  // From version 3 on.
  [[nodiscard]] std::optional<Cpuid> cpuid() const noexcept;
  // From version 5 on.
  [[nodiscard]] std::optional<std::uint64_t> launch_mit_vector() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> current_mit_vector() const noexcept;

  // Failure: not_genuine if it holds bytes that no P-384 signature has (see ecdsa_layout.hpp).
  [[nodiscard]] Result<crypto::EcdsaP384Signature> signature() const;

 private:
  explicit Report(const abi::snp::AttestationReport& fields) noexcept : fields_(fields) {}

  abi::snp::AttestationReport fields_;
};

}  // namespace extreq::attestation
