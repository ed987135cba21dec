// Check: one question that a verification answers, so that nobody has to guess what "verified"
// means.
//
// Threading: values and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace extreq::attestation {

// In the order in which they are shown. doc/verification.md has a row for each.
enum class CheckId : std::uint8_t {
  // Is it genuine?
  signing_key,          // the report names a key that counts
  root_trusted,         // the root is AMD's by its SHA-256, or the user named it
  root,                 // the root is an ARK and signed itself
  intermediate,         // the root signed the ASK or ASVK
  leaf,                 // the ASK signed the VCEK, or the ASVK the VLEK
  validity,             // all three are valid at the time given
  product,              // chain, leaf and report speak of one product
  revocation,           // none of them is revoked
  signature_algorithm,  // the report says ECDSA P-384 with SHA-384
  signature,            // the leaf's key signed the report
  reported_tcb,         // each SPL of the leaf is that component of REPORTED_TCB
  chip_id,              // the leaf's HWID is CHIP_ID
  runtime_data,         // REPORT_DATA begins with the digest of what came with the report
  // Is it acceptable?
  report_data,         // REPORT_DATA is what was asked for
  vmpl,                // the guest asked for it, from a VMPL that is allowed
  guest_policy,        // POLICY's bits and ABI version
  platform_info,       // PLATFORM_INFO's bits
  minimum_tcb,         // floors for the four TCBs
  minimum_version,     // floors for the firmware's version and build
  committed_firmware,  // the firmware that runs is committed: not provisional
  mitigations,         // bits of the two mitigation vectors
  measurement,         // MEASUREMENT is one of a set
  host_data,           // HOST_DATA is one of a set
  identity,            // family, image and report ids, GUEST_SVN
  platform,            // product, signing key, chip id, provider
  id_block,            // an ID block by keys that are trusted
  certificate_table,   // what the certificate table must and must not hold
};
inline constexpr std::size_t check_count = 27;

enum class CheckState : std::uint8_t { passed, failed, not_done };

struct Check {
  CheckId id{};
  CheckState state = CheckState::not_done;
  std::string why;  // what was found; for failed also what was wanted
};

struct CheckKind {
  CheckId id;
  std::string_view name;   // "root_trusted": stable, for programs
  std::string_view title;  // "the root is trusted": for people
  bool acceptance;         // its failure is no doubt that the report is genuine
  bool may_be_left_out;    // a good verdict does not need it: it is reported as not done
};

// In the order of CheckId.
[[nodiscard]] const std::array<CheckKind, check_count>& check_kinds() noexcept;
[[nodiscard]] const CheckKind& kind_of(CheckId id) noexcept;

// "passed", "failed", "not done"
[[nodiscard]] std::string_view to_text(CheckState state) noexcept;

}  // namespace extreq::attestation
