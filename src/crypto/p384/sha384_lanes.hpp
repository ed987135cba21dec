// SHA-384 (FIPS 180-4 section 6.5) of eight messages of one size at once: a word of each message in
// each lane of a vector.
//
// As kernel.hpp: the border to code compiled for AVX-512. Call ifma_sha384() only where
// ifma_available(). Time and addresses do not depend on the messages.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/p384/kernel.hpp"

namespace extreq::crypto::p384 {

// `size`: of each message, in bytes.
void ifma_sha384(const std::uint8_t* const (&messages)[lanes], std::size_t size,
                 std::uint8_t* const (&digests)[lanes]) noexcept;

}  // namespace extreq::crypto::p384
