// BatchVerifier: many ECDSA P-384 signatures at once (doc/p384.md).
//
// Effect: the verdicts of EcdsaP384PublicKey::verify_digest(), several times faster where the CPU
// has AVX-512 IFMA: eight signatures go through the arithmetic side by side, and for keys that come
// often it keeps tables. Elsewhere, and for what the kernel leaves undecided, that function itself
// judges.
// For public data only: time and memory accesses depend on all inputs. Verification handles nothing
// else; never build signing on this.
// Failure: none but memory. A verdict depends on its own question alone.
// Lifetime: keys need to live until verify() returns. Threading: any number of threads at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crypto/ecdsa_p384.hpp"
#include "crypto/p384/known_keys.hpp"

namespace extreq::crypto::p384 {

struct SignatureQuestion {
  const EcdsaP384PublicKey* key;
  Sha384Digest digest;
  EcdsaP384Signature signature;
};

enum class Kernel : std::uint8_t { library, ifma };
// The fastest that this CPU has.
[[nodiscard]] Kernel best_kernel() noexcept;

class BatchVerifier {
 public:
  struct Options {
    Kernel kernel = best_kernel();  // ifma is taken as library where the CPU lacks it
    std::size_t known_keys = 1024;  // tables kept, 16 KiB each; 0: none
    unsigned known_after = 16;      // a table is made at this question about a key
  };
  BatchVerifier() : BatchVerifier(Options()) {}
  explicit BatchVerifier(const Options& options);

  // One answer for each question, in their order.
  [[nodiscard]] std::vector<bool> verify(std::span<const SignatureQuestion> questions) const;

 private:
  Options options_;
  mutable KnownKeys known_keys_;
};

}  // namespace extreq::crypto::p384
