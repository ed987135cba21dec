// The field layer's operations for a test: eight lanes of 52-bit limbs in memory. Compiled for
// AVX-512 IFMA like the kernel; nothing may be called where ifma_available() says no.
#pragma once

#include "crypto/p384/kernel.hpp"

namespace extreq::crypto::p384 {

using Lanes = ScratchElement;

[[nodiscard]] Lanes probe_multiply(const Lanes& a, const Lanes& b);  // a b / 2^416
[[nodiscard]] Lanes probe_square(const Lanes& a);                    // a a / 2^416
[[nodiscard]] Lanes probe_add(const Lanes& a, const Lanes& b);
[[nodiscard]] Lanes probe_subtract(const Lanes& a, const Lanes& b, unsigned shift);  // + 128 p
[[nodiscard]] Lanes probe_subtract_coordinate(const Lanes& a, const Lanes& b);       // + 256 p
[[nodiscard]] Lanes probe_shift_left(const Lanes& a, unsigned shift);
[[nodiscard]] Lanes probe_invert(const Lanes& a);
[[nodiscard]] std::uint8_t probe_is_zero(const Lanes& a);

}  // namespace extreq::crypto::p384
