// The wrapped VLEK hashstick of SNP_VLEK_LOAD, as the model's KDS makes it for the model's chip.
//
// AMD 56860, chapter "SNP_VLEK_LOAD": sealed with AES-256-GCM under a key that only this chip and
// the KDS have; the TCB that it is for stands in the clear and is authenticated. What AMD puts into
// the 384 sealed bytes is not public; the model's content is in doc/firmware-model.md.
// Threading: no state.
#pragma once

#include "abi/snp_firmware.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

// Failure: invalid_input for the CSP id; io if there is no randomness for the IV.
[[nodiscard]] Result<abi::snp::WrappedVlek> wrap_vlek(const Secret<64>& chip_secret,
                                                      const LoadedVlek& vlek,
                                                      const attestation::Tcb& tcb);

// Failure: invalid_input for a reserved byte that is set or for a content that no KDS wrote;
// not_genuine if it was wrapped for another chip or changed.
[[nodiscard]] Result<LoadedVlek> unwrap_vlek(const Secret<64>& chip_secret,
                                             const abi::snp::WrappedVlek& wrapped);

}  // namespace extreq::firmware::model
