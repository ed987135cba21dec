// The nonces of deterministic ECDSA on P-384 with SHA-384 (RFC 6979 section 3.2).
// Internal to src/crypto/.
#pragma once

#include "crypto/hash.hpp"
#include "crypto/p384_limbs.hpp"
#include "crypto/wiped.hpp"

namespace extreq::crypto {

// Effect: a generator seeded with key and digest. next() gives the nonces in the order in which
// RFC 6979 tries them; all but the first are needed with probability below 2^-190.
// Lifetime: state is wiped with the object; the caller wipes the nonces.
class Rfc6979Nonces {
 public:
  Rfc6979Nonces(P384View private_scalar, const Sha384Digest& digest);

  // Always in 1..n-1.
  void next(P384Limbs& nonce);

 private:
  void advance();

  Wiped<Sha384Digest> key_;    // K
  Wiped<Sha384Digest> value_;  // V
  bool used_ = false;          // a candidate was given or refused: K and V must move on first
};

}  // namespace extreq::crypto
