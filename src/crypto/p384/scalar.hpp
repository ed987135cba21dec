// Integers modulo the order n of P-384's base point (SP 800-186 section 3.2.1.4), for public data
// only: variable time.
//
// Six limbs of 64 bits, the least significant first. Threading: pure functions.
#pragma once

#include <span>
#include <vector>

#include "crypto/p384_limbs.hpp"

namespace extreq::crypto::p384 {

// a b / 2^384 mod n, below n, for a b below 2^384 n.
[[nodiscard]] P384Limbs montgomery_multiply(const P384Limbs& a, const P384Limbs& b) noexcept;

// 2^384 / value mod n for each of them, all in 1..n-1, with one inversion for all: what
// montgomery_multiply(x, .) makes x / value of.
[[nodiscard]] std::vector<P384Limbs> montgomery_inverses(std::span<const P384Limbs> values);

// `value` as digits of `window` bits each, in -(2^(window-1) - 1) to 2^(window-1), least
// significant first; digit i goes to digits[i * stride]. `count` digits must hold all its 384 bits
// and a carry.
void signed_digits(const P384Limbs& value, unsigned window, std::size_t count, std::int8_t* digits,
                   std::size_t stride) noexcept;

}  // namespace extreq::crypto::p384
