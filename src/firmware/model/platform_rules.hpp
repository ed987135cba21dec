// The rules of the platform commands, as functions from one state to the next.
//
// Each checks everything before it changes anything: with a failure the state is as it was. The
// failure names the command, the broken rule, what was found and what is required.
// AMD 56860, chapters named below; doc/firmware-model.md lists each rule and its source.
// Threading: no state.
#pragma once

#include <cstdint>

#include "firmware/model/platform_state.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

// "SNP_PLATFORM_STATUS".
[[nodiscard]] abi::snp::PlatformStatus platform_status(const PlatformState& state,
                                                       std::uint32_t guest_count);

// "SNP_CONFIG": masks and the reported TCB, at most the committed one in each component; 0 means
// the committed one. A loaded VLEK is for one reported TCB: another one deletes it. Status:
// invalid_param.
[[nodiscard]] CommandResult<void> apply_config(PlatformState& state,
                                               const abi::snp::Config& config);

// "SNP_COMMIT": committed TCB, committed version and reported TCB become the current ones; if the
// reported TCB changes, the VLEK is deleted.
void apply_commit(PlatformState& state);

// "DOWNLOAD_FIRMWARE_EX": the image runs from now on. The reported TCB stays.
// Status: bad_svn if a component of its TCB is below the committed TCB; bad_version if its version
// is older than the committed one; invalid_param if it is no firmware for this product.
[[nodiscard]] CommandResult<void> apply_firmware(PlatformState& state, const FirmwareImage& image);

// "SNP_VLEK_LOAD". Status: bad_measurement if the hashstick is not for this chip or was changed;
// invalid_param if it is not for the reported TCB, or malformed.
[[nodiscard]] CommandResult<void> apply_vlek(PlatformState& state,
                                             const abi::snp::WrappedVlek& vlek);

}  // namespace extreq::firmware::model
