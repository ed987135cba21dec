// Others that judge signatures: nettle through EcdsaP384PublicKey, and OpenSSL.
#pragma once

#include "crypto/p384/batch_verifier.hpp"

namespace extreq::crypto::p384 {

[[nodiscard]] inline bool nettle_says(const SignatureQuestion& question) {
  return question.key->verify_digest(question.digest, question.signature);
}

// Throws std::runtime_error where OpenSSL does not take the key.
[[nodiscard]] bool openssl_says(const SignatureQuestion& question);

}  // namespace extreq::crypto::p384
