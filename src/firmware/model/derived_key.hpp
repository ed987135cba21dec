// MSG_KEY_REQ: keys that a guest derives for itself (AMD 56860, chapter "MSG_KEY_REQ").
//
// HKDF-SHA384 from the selected root over the selected fields, the VMPL always among them: the same
// request by the same guest under the same platform gives the same key, and each selected field and
// each selection gives another one. AMD's function is not public, so the keys are not a chip's.
// Threading: no state.
#pragma once

#include "abi/snp_firmware.hpp"
#include "base/secret.hpp"
#include "firmware/model/guest_context.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

struct DerivedKey {
  abi::snp::CommandStatus status = abi::snp::CommandStatus::success;
  Secret<32> key;  // zero unless success
};

// `request.v1` alone for version 1 of the message: launch_mit_vector is then zero.
// `vmpck`: the key that the request came under.
// Status: invalid_param for a VMPL below `vmpck` or above 3, reserved bits, a TCB_VERSION above the
// committed TCB, a GUEST_SVN above the ID block's, mitigations that the guest was not launched
// with; invalid_key for a root that is not to be had.
[[nodiscard]] DerivedKey derive_key(const PlatformState& platform, const GuestContext& guest,
                                    const abi::snp::KeyRequestV2& request, std::uint8_t version,
                                    std::uint8_t vmpck);

}  // namespace extreq::firmware::model
