// P-384 private keys from PEM, as `openssl ecparam` and `openssl genpkey` write them.
//
// Threading: any thread.
#pragma once

#include "crypto/ecdsa_p384.hpp"

namespace extreq::crypto {

// One block, PKCS#8 or SEC 1, not encrypted. What OpenSSL read is wiped; `pem` is the caller's.
// Failure: invalid_input if there is no such block; unsupported, naming it, for another kind of
// key.
[[nodiscard]] Result<EcdsaP384PrivateKey> p384_private_key_from_pem(ByteView pem);

}  // namespace extreq::crypto
