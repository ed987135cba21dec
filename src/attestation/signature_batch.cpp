#include "attestation/signature_batch.hpp"

namespace extreq::attestation {

std::vector<bool> verify_signatures(std::span<const SignatureQuestion> questions) {
  std::vector<bool> answers;
  answers.reserve(questions.size());
  for (const SignatureQuestion& question : questions) {
    answers.push_back(question.key->verify_digest(question.digest, question.signature));
  }
  return answers;
}

}  // namespace extreq::attestation
