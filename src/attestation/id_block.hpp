// ID block and ID authentication information: what a guest's owner says the guest must be, signed
// by the owner's ID key, for which an author key may vouch (document 56860, "SNP_LAUNCH_FINISH").
//
// The firmware refuses a launch whose measurement or policy is another, and a report then holds
// FAMILY_ID, IMAGE_ID, GUEST_SVN and the digests of the keys.
// Threading: pure functions.
#pragma once

#include <optional>

#include "abi/snp_firmware.hpp"
#include "attestation/ecdsa_layout.hpp"

namespace extreq::attestation {

// Effect: the signatures over `block` and, with an author key, over the ID key.
[[nodiscard]] abi::snp::IdAuth sign_id_block(const abi::snp::IdBlock& block,
                                             const crypto::EcdsaP384PrivateKey& id_key,
                                             const crypto::EcdsaP384PrivateKey* author_key);

struct IdKeyDigests {
  crypto::Sha384Digest id_key{};
  std::optional<crypto::Sha384Digest> author_key;
};

// As the firmware checks them. Without an author key all its fields are zero.
// Failure: not_genuine, naming the signature that does not fit; invalid_input for another version,
// algorithm or curve.
[[nodiscard]] Result<IdKeyDigests> check_id_block(const abi::snp::IdBlock& block,
                                                  const abi::snp::IdAuth& auth);

}  // namespace extreq::attestation
