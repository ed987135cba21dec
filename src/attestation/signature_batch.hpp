// The signatures of many reports at once: the seam to the batch kernel of src/crypto/.
//
// Threading: a pure function.
#pragma once

#include <span>
#include <vector>

#include "attestation/verification.hpp"

namespace extreq::attestation {

// How many signatures the kernel takes at once: groups of this size, or a multiple, cost least.
inline constexpr std::size_t signature_lanes = 8;

// What EcdsaP384PublicKey::verify_digest() says to each question, in their order.
[[nodiscard]] std::vector<bool> verify_signatures(std::span<const SignatureQuestion> questions);

}  // namespace extreq::attestation
