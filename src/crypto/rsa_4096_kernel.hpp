// The border to the code that is compiled for AVX-512 IFMA: products modulo a number of 4096 bits.
// Plain pointers only, so that no function compiled for AVX-512 can become the program's copy of a
// template. Internal to src/crypto/.
//
// Time does not depend on the values, but nobody has checked that of the compiler's code: for
// public data only, as all RSA verification is.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace extreq::crypto {

inline constexpr unsigned rsa_limb_bits = 52;
inline constexpr std::size_t rsa_limbs = 80;  // 4160 bits: R = 2^4160

// An integer, the least significant limb first.
struct alignas(64) RsaInteger {
  std::uint64_t limb[rsa_limbs];
};

// The CPU and the operating system have AVX-512 F and IFMA. Nothing else here may be called where
// they have not.
[[nodiscard]] bool rsa_kernel_available() noexcept;

// Effect: out = a b / R modulo n, below 2 n. a and b must be below 2 n and n odd and below 2^4096,
// all with limbs below 2^52; n_inverse is -1/n modulo 2^52. `out` may be `a` or `b`.
void rsa_multiply(RsaInteger& out, const RsaInteger& a, const RsaInteger& b, const RsaInteger& n,
                  std::uint64_t n_inverse) noexcept;

}  // namespace extreq::crypto
