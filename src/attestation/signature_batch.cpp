#include "attestation/signature_batch.hpp"

#include "crypto/hash.hpp"

namespace extreq::attestation {

std::vector<bool> verify_signatures(const crypto::p384::BatchVerifier& verifier,
                                    std::span<const SignatureQuestion> questions) {
  std::vector<crypto::p384::SignatureQuestion> asked;
  asked.reserve(questions.size());
  for (const SignatureQuestion& question : questions) {
    asked.push_back({question.key, crypto::sha384(question.message), question.signature});
  }
  return verifier.verify(asked);
}

}  // namespace extreq::attestation
