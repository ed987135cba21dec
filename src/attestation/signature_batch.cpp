#include "attestation/signature_batch.hpp"

#include "crypto/p384/digests.hpp"

namespace extreq::attestation {

std::vector<bool> verify_signatures(const crypto::p384::BatchVerifier& verifier,
                                    std::span<const SignatureQuestion> questions) {
  std::vector<ByteView> messages;
  messages.reserve(questions.size());
  for (const SignatureQuestion& question : questions) messages.push_back(question.message);
  const auto digests = crypto::p384::sha384_of_each(messages);
  std::vector<crypto::p384::SignatureQuestion> asked;
  asked.reserve(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    asked.push_back({questions[i].key, digests[i], questions[i].signature});
  }
  return verifier.verify(asked);
}

}  // namespace extreq::attestation
