// The firmware's form of P-384 signatures and public keys: integers little-endian in 72 bytes
// (document 56860, "Digital Signatures"), to and from the big-endian form of src/crypto/.
//
// Threading: pure functions.
#pragma once

#include "abi/snp_firmware.hpp"
#include "base/result.hpp"
#include "crypto/ecdsa_p384.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation {

// Failure: not_genuine if a byte is set that no P-384 signature uses: the upper 24 of R or of S, or
// any of the reserved ones. There are no two encodings of one signature.
[[nodiscard]] Result<crypto::EcdsaP384Signature> read_signature(
    const abi::snp::EcdsaSignature& signature);

[[nodiscard]] abi::snp::EcdsaSignature to_layout(const crypto::EcdsaP384Signature& signature);

// Failure: invalid_input for another curve, a byte set that no P-384 key uses, and for what is no
// point of the curve.
[[nodiscard]] Result<crypto::EcdsaP384PublicKey> read_public_key(
    const abi::snp::EcdsaPublicKey& key);

[[nodiscard]] abi::snp::EcdsaPublicKey to_layout(const crypto::EcdsaP384PublicKey& key);

// ID_KEY_DIGEST and AUTHOR_KEY_DIGEST: SHA-384 over all 0x404 bytes of the firmware's form.
[[nodiscard]] crypto::Sha384Digest key_digest(const abi::snp::EcdsaPublicKey& key);

}  // namespace extreq::attestation
