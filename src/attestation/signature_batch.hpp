// The signatures of many reports at once, by the batch kernel of crypto/p384.
//
// Threading: a pure function, but for the keys that the batch verifier remembers.
#pragma once

#include <span>
#include <vector>

#include "attestation/verification.hpp"
#include "crypto/p384/batch_verifier.hpp"

namespace extreq::attestation {

// How many signatures the kernel takes at once: groups of this size, or a multiple, cost least.
inline constexpr std::size_t signature_lanes = crypto::p384::lanes;

// What EcdsaP384PublicKey::verify_digest() says to each question with its message's SHA-384, in
// their order.
[[nodiscard]] std::vector<bool> verify_signatures(const crypto::p384::BatchVerifier& verifier,
                                                  std::span<const SignatureQuestion> questions);

}  // namespace extreq::attestation
