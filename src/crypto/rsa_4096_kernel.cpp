// Compiled for AVX-512 IFMA: see rsa_4096_kernel.hpp for what may stand here.
//
// Montgomery's product, one limb of b at a time (Gueron and Krasnov, "Software implementation of
// modular exponentiation, using advanced vector instructions architectures", 2012).
//
// Bounds. Each round adds four halves below 2^52 to a limb and moves the limbs down by one, so that
// 80 rounds leave at most 320 * 2^52 and a carry: below 2^61. The result is
//   (a b + q n) / R < (4 n^2 + R n) / R < 2 n, because 4 n < 2^4098 < R.
#include "crypto/rsa_4096_kernel.hpp"

#include <immintrin.h>

namespace extreq::crypto {
namespace {

#ifdef __clang__
#define EXTREQ_RSA_UNROLL _Pragma("unroll")
#else
#define EXTREQ_RSA_UNROLL _Pragma("GCC unroll 16")
#endif

constexpr std::size_t in_register = 8;
constexpr std::size_t registers = rsa_limbs / in_register;
constexpr std::uint64_t limb_mask = (std::uint64_t{1} << rsa_limb_bits) - 1;

using Accumulator = __m512i[registers];

inline std::uint64_t lowest(__m512i value) {
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(value)));
}

inline __m512i spread(std::uint64_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}

inline __m512i load(const RsaInteger& value, unsigned i) {
  return _mm512_load_si512(value.limb + in_register * i);
}

// One limb down; what is above the 52 bits of the lowest stays.
inline void shift(Accumulator& sum) {
  const auto carry = static_cast<long long>(lowest(sum[0]) >> rsa_limb_bits);
  EXTREQ_RSA_UNROLL
  for (unsigned i = 0; i + 1 < registers; ++i) {
    sum[i] = _mm512_alignr_epi64(sum[i + 1], sum[i], 1);
  }
  sum[registers - 1] = _mm512_alignr_epi64(_mm512_setzero_si512(), sum[registers - 1], 1);
  sum[0] = _mm512_add_epi64(sum[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128(carry)));
}

inline void store(RsaInteger& out, const Accumulator& sum) {
  RsaInteger loose;
  EXTREQ_RSA_UNROLL
  for (unsigned i = 0; i < registers; ++i) {
    _mm512_store_si512(loose.limb + in_register * i, sum[i]);
  }
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < rsa_limbs; ++i) {
    const std::uint64_t limb = loose.limb[i] + carry;
    out.limb[i] = limb & limb_mask;
    carry = limb >> rsa_limb_bits;
  }
}

}  // namespace

bool rsa_kernel_available() noexcept {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
}

void rsa_multiply(RsaInteger& out, const RsaInteger& a, const RsaInteger& b, const RsaInteger& n,
                  std::uint64_t n_inverse) noexcept {
  Accumulator sum;
  EXTREQ_RSA_UNROLL
  for (unsigned i = 0; i < registers; ++i) sum[i] = _mm512_setzero_si512();
  for (const std::uint64_t limb : b.limb) {
    const __m512i of_b = spread(limb);
    EXTREQ_RSA_UNROLL
    for (unsigned i = 0; i < registers; ++i) {
      sum[i] = _mm512_madd52lo_epu64(sum[i], load(a, i), of_b);
    }
    const __m512i quotient = spread((lowest(sum[0]) * n_inverse) & limb_mask);
    EXTREQ_RSA_UNROLL
    for (unsigned i = 0; i < registers; ++i) {
      sum[i] = _mm512_madd52lo_epu64(sum[i], load(n, i), quotient);
    }
    shift(sum);
    EXTREQ_RSA_UNROLL
    for (unsigned i = 0; i < registers; ++i) {
      sum[i] = _mm512_madd52hi_epu64(sum[i], load(a, i), of_b);
      sum[i] = _mm512_madd52hi_epu64(sum[i], load(n, i), quotient);
    }
  }
  store(out, sum);
}

}  // namespace extreq::crypto
