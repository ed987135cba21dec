// Reports: which key signs, and the filled and signed ATTESTATION_REPORT (AMD 56860, chapters
// "Attestation" and "MSG_REPORT_REQ").
// Threading: no state.
#pragma once

#include <cstdint>

#include "abi/snp_firmware.hpp"
#include "firmware/model/endorsement_keys.hpp"
#include "firmware/model/guest_context.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

// KEY_SEL of a request, made definite. `none` stands for a selection that is not to be had: its
// number is reserved, VLEK is wanted and none is loaded, or VCEK is wanted and disabled for this
// guest.
enum class SelectedKey : std::uint8_t { none, vcek, vlek };
[[nodiscard]] SelectedKey select_key(std::uint32_t key_sel, const PlatformState& platform,
                                     const GuestContext& guest) noexcept;

// `key` must not be `none`. With the chip key masked, no key signs: the signature is all zero and
// SIGNING_KEY says "none".
[[nodiscard]] abi::snp::AttestationReport make_report(const PlatformState& platform,
                                                      const GuestContext& guest,
                                                      const abi::snp::ReportRequest& request,
                                                      SelectedKey key, KeyCache& keys);

}  // namespace extreq::firmware::model
