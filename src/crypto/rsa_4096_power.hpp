// RSA's public operation for keys like AMD's, s^65537 modulo n (RFC 8017 section 5.2.2), several
// times faster than the library's where the CPU has AVX-512 IFMA. Internal to src/crypto/.
//
// For public data only. Threading: pure functions.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "crypto/hash.hpp"
#include "crypto/rsa.hpp"

namespace extreq::crypto {

// Both big-endian. Value: 512 bytes, below the modulus. nullopt: this CPU has no AVX-512 IFMA, or
// a size is not 512 bytes, the modulus is even or below 2^4095, or the signature not below it.
[[nodiscard]] std::optional<Bytes> rsa_4096_power(ByteView modulus, ByteView signature);

// True: `signature` is one of RSASSA-PSS with SHA-384 and a salt of 48 bytes over what has this
// digest. False says nothing: somebody else must judge.
[[nodiscard]] bool rsa_4096_pss_fits(ByteView modulus, const Sha384Digest& digest,
                                     ByteView signature);

}  // namespace extreq::crypto
