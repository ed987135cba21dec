// The ID block that a guest owner gives along with a guest (AMD 56860, chapters "Identity Block"
// and "SNP_LAUNCH_FINISH"): what the guest must be, signed by the owner's ID key, which an author
// key may vouch for. Threading: no state.
#pragma once

#include "abi/snp_firmware.hpp"
#include "crypto/hash.hpp"
#include "firmware/model/guest_context.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

// Effect: checks signatures, launch digest and policy; what a report says of them.
// Status: invalid_param for another version, algorithm, curve or a key that is none; bad_signature;
// bad_measurement if the launch digest is another; policy_failure if the policy is another.
[[nodiscard]] CommandResult<GuestIdentity> check_id_block(const abi::snp::IdBlock& block,
                                                          const abi::snp::IdAuth& auth,
                                                          bool author_key_en,
                                                          const crypto::Sha384Digest& launch_digest,
                                                          std::uint64_t policy);

}  // namespace extreq::firmware::model
