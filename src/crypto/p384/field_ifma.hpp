// The field of P-384 in eight lanes: integers modulo p = 2^384 - 2^128 - 2^96 + 2^32 - 1 (SP
// 800-186 section 3.2.1.4) in Montgomery form, R = 2^416, as eight limbs of 52 bits, the least
// significant first; limb i of all lanes in one register. Only kernel_ifma.cpp includes it.
//
// Bounds (doc/p384.md has the whole argument). IFMA multiplies the low 52 bits of its operands, so
// every element handed to multiply() and square() has its limbs 0 to 6 in 0..2^52-1 and is not
// negative; normalise() makes that of limbs that are signed sums. Between products elements may
// grow: products accept anything below 2^14 p and give less than 2p, because
//   (a b + q p) / 2^416 < (2^28 p^2 + 2^416 p) / 2^416 < p + 2^-4 p.
// Accumulators: 8 low and 8 high halves of the product, as many of the reduction, each below 2^52,
// and a carry: below 2^57.
// A difference is made positive by adding a multiple of p first: 128 p (`bias`) where products are
// taken away, in all below 128 p; 256 p (`coordinate_bias`) where a coordinate, below 130 p, and at
// most a product are.
//
// Everything has internal linkage: see kernel.hpp.
#pragma once

#include <cstdint>

#include <immintrin.h>

#include "crypto/p384/kernel.hpp"

#ifdef __clang__
#define EXTREQ_UNROLL _Pragma("unroll")
#else
#define EXTREQ_UNROLL _Pragma("GCC unroll 16")
#endif

namespace extreq::crypto::p384::ifma {

using Limbs = __m512i;

struct Fe {
  Limbs v[field_limbs];
};

constexpr std::uint64_t limb_mask = (std::uint64_t{1} << field_limb_bits) - 1;

struct Constant {
  std::uint64_t limb[field_limbs];
};

// Limbs of an integer of 64-bit words, shifted left.
constexpr Constant limbs_of(const std::uint64_t (&words)[6], unsigned shift) {
  Constant constant{};
  for (unsigned bit = 0; bit < 384; ++bit) {
    if ((words[bit / 64] >> (bit % 64) & 1) == 0) continue;
    const unsigned to = bit + shift;
    constant.limb[to / field_limb_bits] |= std::uint64_t{1} << (to % field_limb_bits);
  }
  return constant;
}

constexpr std::uint64_t prime_words[6] = {0x00000000ffffffff, 0xffffffff00000000,
                                          0xfffffffffffffffe, 0xffffffffffffffff,
                                          0xffffffffffffffff, 0xffffffffffffffff};
constexpr Constant prime = limbs_of(prime_words, 0);
constexpr Constant bias = limbs_of(prime_words, 7);             // 128 p
constexpr Constant coordinate_bias = limbs_of(prime_words, 8);  // 256 p

// 2^x mod p, x >= 384, by doubling.
constexpr Constant power_of_two(unsigned exponent) {
  std::uint64_t value[6] = {1, 0, 0, 0, 0, 0};
  for (unsigned i = 0; i < exponent; ++i) {
    std::uint64_t carry = 0;
    for (std::uint64_t& word : value) {
      const std::uint64_t next = word >> 63;
      word = word << 1 | carry;
      carry = next;
    }
    bool at_least_prime = true;
    for (unsigned k = 6; k-- > 0;) {
      if (value[k] != prime_words[k]) {
        at_least_prime = value[k] > prime_words[k];
        break;
      }
    }
    if (carry == 0 && !at_least_prime) continue;
    std::uint64_t borrow = 0;
    for (unsigned k = 0; k < 6; ++k) {
      const std::uint64_t minus = prime_words[k] + borrow;
      const bool wraps = minus < borrow;
      const std::uint64_t before = value[k];
      value[k] = before - minus;
      borrow = wraps || before < minus ? 1 : 0;
    }
  }
  return limbs_of(value, 0);
}
constexpr Constant montgomery_one = power_of_two(416);     // R
constexpr Constant montgomery_square = power_of_two(832);  // R^2

static inline Limbs spread(std::uint64_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}

static inline Fe spread(const Constant& constant) {
  Fe r;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = spread(constant.limb[i]);
  return r;
}

// Carries from limb to limb. The sum of the limbs must not be negative; each is of 63 bits at most.
[[gnu::always_inline]] static inline void normalise(Fe& a) {
  const Limbs mask = spread(limb_mask);
  Limbs carry = _mm512_setzero_si512();
  EXTREQ_UNROLL
  for (unsigned i = 0; i + 1 < field_limbs; ++i) {
    const Limbs x = _mm512_add_epi64(a.v[i], carry);
    a.v[i] = _mm512_and_si512(x, mask);
    carry = _mm512_srai_epi64(x, field_limb_bits);
  }
  a.v[field_limbs - 1] = _mm512_add_epi64(a.v[field_limbs - 1], carry);
}

// Montgomery reduction of sixteen accumulators, limb by limb. -1/p is 1 + 2^32 modulo 2^52, and q p
// = q 2^384 - q 2^128 - q 2^96 + q 2^32 - q is added with shifts: the multiplier has work enough.
// From here on accumulators are signed; what a step adds to one is below 2^54 either way.
[[gnu::always_inline]] static inline Fe reduce(Limbs (&t)[2 * field_limbs + 1]) {
  const Limbs mask = spread(limb_mask);
  // (q << shift) mod 2^52: the lower of the two limbs over which a shifted q extends.
  const auto low = [&](Limbs q, unsigned shift) {
    return _mm512_and_si512(_mm512_slli_epi64(q, shift), mask);
  };
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    const Limbs x = t[i];
    const Limbs q = _mm512_and_si512(_mm512_add_epi64(x, _mm512_slli_epi64(x, 32)), mask);
    const Limbs q32 = low(q, 32);
    // Limb i becomes a multiple of 2^52: its carry.
    const Limbs carry =
        _mm512_srai_epi64(_mm512_add_epi64(_mm512_sub_epi64(x, q), q32), field_limb_bits);
    // 2^32: bits 32 to 83. 2^96: bits 44 to 95 of limb 1. 2^128: bits 24 to 75 of limb 2.
    // 2^384: bits 20 to 71 of limb 7.
    t[i + 1] = _mm512_add_epi64(
        t[i + 1], _mm512_add_epi64(carry, _mm512_sub_epi64(_mm512_srli_epi64(q, 20), low(q, 44))));
    t[i + 2] = _mm512_sub_epi64(t[i + 2], _mm512_add_epi64(_mm512_srli_epi64(q, 8), low(q, 24)));
    t[i + 3] = _mm512_sub_epi64(t[i + 3], _mm512_srli_epi64(q, 28));
    t[i + 7] = _mm512_add_epi64(t[i + 7], low(q, 20));
    t[i + 8] = _mm512_add_epi64(t[i + 8], _mm512_srli_epi64(q, 32));
  }
  Fe r;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = t[field_limbs + i];
  normalise(r);
  return r;
}

static inline Fe multiply(const Fe& a, const Fe& b) {
  Limbs t[2 * field_limbs + 1];
  EXTREQ_UNROLL
  for (Limbs& limb : t) limb = _mm512_setzero_si512();
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    EXTREQ_UNROLL
    for (unsigned j = 0; j < field_limbs; ++j) {
      t[i + j] = _mm512_madd52lo_epu64(t[i + j], a.v[i], b.v[j]);
      t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a.v[i], b.v[j]);
    }
  }
  return reduce(t);
}

static inline Fe square(const Fe& a) {
  Limbs t[2 * field_limbs + 1];
  EXTREQ_UNROLL
  for (Limbs& limb : t) limb = _mm512_setzero_si512();
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    EXTREQ_UNROLL
    for (unsigned j = i + 1; j < field_limbs; ++j) {
      t[i + j] = _mm512_madd52lo_epu64(t[i + j], a.v[i], a.v[j]);
      t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a.v[i], a.v[j]);
    }
  }
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    t[2 * i] = _mm512_madd52lo_epu64(_mm512_add_epi64(t[2 * i], t[2 * i]), a.v[i], a.v[i]);
    t[2 * i + 1] =
        _mm512_madd52hi_epu64(_mm512_add_epi64(t[2 * i + 1], t[2 * i + 1]), a.v[i], a.v[i]);
  }
  return reduce(t);
}

static inline Fe square(Fe a, unsigned times) {
  for (unsigned i = 0; i < times; ++i) a = square(a);
  return a;
}

[[gnu::always_inline]] static inline Fe add(const Fe& a, const Fe& b) {
  Fe r;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = _mm512_add_epi64(a.v[i], b.v[i]);
  normalise(r);
  return r;
}

[[gnu::always_inline]] static inline Fe subtract_biased(const Fe& a, const Fe& b, unsigned shift,
                                                        const Constant& positive) {
  Fe r;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    r.v[i] = _mm512_add_epi64(_mm512_sub_epi64(a.v[i], _mm512_slli_epi64(b.v[i], shift)),
                              spread(positive.limb[i]));
  }
  normalise(r);
  return r;
}

// a - 2^shift b for a b that is a product. The limbs of a may be sums that are not normalised.
[[gnu::always_inline]] static inline Fe subtract(const Fe& a, const Fe& b, unsigned shift = 0) {
  return subtract_biased(a, b, shift, bias);
}

// a - b for a b that is a coordinate.
[[gnu::always_inline]] static inline Fe subtract_coordinate(const Fe& a, const Fe& b) {
  return subtract_biased(a, b, 0, coordinate_bias);
}

// 2^shift a.
[[gnu::always_inline]] static inline Fe shift_left(const Fe& a, unsigned shift) {
  Fe r;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = _mm512_slli_epi64(a.v[i], shift);
  normalise(r);
  return r;
}

[[gnu::always_inline]] static inline Fe blend(__mmask8 take_b, const Fe& a, const Fe& b) {
  Fe r;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    r.v[i] = _mm512_mask_mov_epi64(a.v[i], take_b, b.v[i]);
  }
  return r;
}

// Which lanes are 0 modulo p: the product with 1 is in 0..p, so it is 0 or p.
static inline __mmask8 is_zero(const Fe& a) {
  const Fe one = spread(Constant{{1, 0, 0, 0, 0, 0, 0, 0}});
  const Fe x = multiply(a, one);
  const Fe p = spread(prime);
  Limbs not_zero = _mm512_setzero_si512();
  Limbs not_prime = _mm512_setzero_si512();
  for (unsigned i = 0; i < field_limbs; ++i) {
    not_zero = _mm512_or_si512(not_zero, x.v[i]);
    not_prime = _mm512_or_si512(not_prime, _mm512_xor_si512(x.v[i], p.v[i]));
  }
  return static_cast<__mmask8>(_mm512_testn_epi64_mask(not_zero, not_zero) |
                               _mm512_testn_epi64_mask(not_prime, not_prime));
}

// a^(p - 2), Fermat's inverse; 0 of 0. The exponent in bits: 255 ones, 0, 32 ones, 64 zeros, 30
// ones, 0, 1.
static inline Fe invert(const Fe& a) {
  const Fe x2 = multiply(square(a), a);
  const Fe x3 = multiply(square(x2), a);
  const Fe x6 = multiply(square(x3, 3), x3);
  const Fe x12 = multiply(square(x6, 6), x6);
  const Fe x15 = multiply(square(x12, 3), x3);
  const Fe x30 = multiply(square(x15, 15), x15);
  const Fe x60 = multiply(square(x30, 30), x30);
  const Fe x120 = multiply(square(x60, 60), x60);
  const Fe x240 = multiply(square(x120, 120), x120);
  const Fe x255 = multiply(square(x240, 15), x15);
  const Fe x32 = multiply(square(x30, 2), x2);
  const Fe high = multiply(square(x255, 33), x32);
  return multiply(square(multiply(square(high, 94), x30), 2), a);
}

}  // namespace extreq::crypto::p384::ifma
