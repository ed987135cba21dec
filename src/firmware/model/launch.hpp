// Launching a guest: SNP_LAUNCH_START, SNP_LAUNCH_UPDATE, SNP_LAUNCH_FINISH (AMD 56860, chapters of
// these names).
//
// A failure leaves the guest context as it was, and names the broken rule.
// Threading: no state; a GuestContext belongs to one thread at a time.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "firmware/model/guest_context.hpp"
#include "firmware/model/platform_state.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

using GuestPage = std::array<std::uint8_t, abi::snp::page_size>;
using GuestPageView = std::span<const std::uint8_t, abi::snp::page_size>;

struct LaunchStart {
  // SMT allowed (the model's platform has SMT), ABI 0.0, the bit that must be one.
  std::uint64_t policy = abi::snp::policy::reserved_one | abi::snp::policy::smt;
  abi::ByteArray<16> gosvw{};  // guest OS visible workarounds: into the secrets page
  TscInfo tsc;
};

struct LaunchPage {
  abi::snp::PageType type = abi::snp::PageType::normal;
  std::uint64_t gpa = 0;
  // What is there before: measured for normal and VMSA pages, checked for a CPUID page.
  GuestPageView contents;
  attestation::LaunchDigest::Attributes attributes{};
};

struct LaunchFinish {
  std::optional<abi::snp::IdBlock> id_block;
  // Needed with an ID block.
  std::optional<abi::snp::IdAuth> id_auth;
  bool author_key_en = false;
  bool vcek_disabled = false;  // VCEK_DIS: reports of this guest are never signed with VCEK
  abi::ByteArray<32> host_data{};
};

// Status: invalid_guest_state; invalid_param for reserved policy bits; policy_failure for a policy
// that this platform does not keep.
[[nodiscard]] CommandResult<void> launch_start(GuestContext& guest, const PlatformState& platform,
                                               const LaunchStart& start);

// The page that is in guest memory afterwards, where that is not the one that was given: the
// secrets page for type secrets; zeros for type zero. Status: invalid_guest_state; invalid_address
// for a GPA that is not page aligned (VMSA: any GPA, it is measured at abi::snp::vmsa_gpa);
// invalid_param for an unknown type or a CPUID page that breaks the rules of cpuid_rules.hpp.
[[nodiscard]] CommandResult<std::optional<GuestPage>> launch_update(GuestContext& guest,
                                                                    const PlatformState& platform,
                                                                    const LaunchPage& page);

// Status: invalid_guest_state; of the ID block bad_signature, bad_measurement, policy_failure,
// invalid_param (id_block.hpp).
[[nodiscard]] CommandResult<void> launch_finish(GuestContext& guest, const LaunchFinish& finish);

}  // namespace extreq::firmware::model
