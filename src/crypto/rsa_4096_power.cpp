#include "crypto/rsa_4096_power.hpp"

#include <algorithm>
#include <array>

#include <gmp.h>
#include <nettle/nettle-meta.h>
#include <nettle/pss.h>

#include "crypto/rsa_4096_kernel.hpp"

namespace extreq::crypto {
namespace {

constexpr std::size_t words = rsa_4096_size / 8;
constexpr std::size_t salt_size = 48;
constexpr std::uint64_t limb_mask = (std::uint64_t{1} << rsa_limb_bits) - 1;

using Words = std::array<mp_limb_t, words>;

Words words_of(ByteView big_endian) noexcept {
  Words result{};
  for (std::size_t i = 0; i < rsa_4096_size; ++i) {
    result[i / 8] |= mp_limb_t{big_endian[rsa_4096_size - 1 - i]} << (8 * (i % 8));
  }
  return result;
}

Bytes bytes_of(const Words& value) {
  Bytes result(rsa_4096_size);
  for (std::size_t i = 0; i < rsa_4096_size; ++i) {
    result[rsa_4096_size - 1 - i] = static_cast<std::uint8_t>(value[i / 8] >> (8 * (i % 8)));
  }
  return result;
}

RsaInteger limbs_of(const Words& value) noexcept {
  RsaInteger result{};
  for (std::size_t i = 0; i < rsa_limbs; ++i) {
    const std::size_t bit = i * rsa_limb_bits;
    if (bit / 64 >= words) break;
    std::uint64_t bits = value[bit / 64] >> (bit % 64);
    if (bit % 64 + rsa_limb_bits > 64 && bit / 64 + 1 < words) {
      bits |= value[bit / 64 + 1] << (64 - bit % 64);
    }
    result.limb[i] = bits & limb_mask;
  }
  return result;
}

// A value below 2 n, which may have one bit more than the words hold, modulo n.
Words reduced(const RsaInteger& value, const Words& modulus) noexcept {
  std::array<mp_limb_t, words + 1> wide{};
  for (std::size_t i = 0; i < rsa_limbs; ++i) {
    const std::size_t bit = i * rsa_limb_bits;
    if (bit / 64 > words) break;
    wide[bit / 64] |= value.limb[i] << (bit % 64);
    if (bit % 64 + rsa_limb_bits > 64 && bit / 64 < words) {
      wide[bit / 64 + 1] |= value.limb[i] >> (64 - bit % 64);
    }
  }
  Words result{};
  std::copy_n(wide.begin(), words, result.begin());
  if (wide[words] != 0 || mpn_cmp(result.data(), modulus.data(), words) >= 0) {
    mpn_sub_n(result.data(), result.data(), modulus.data(), words);
  }
  return result;
}

// value R modulo n, by division.
Words to_montgomery(const Words& value, const Words& modulus) noexcept {
  constexpr std::size_t whole = rsa_limbs * rsa_limb_bits / 64;
  static_assert(whole * 64 == rsa_limbs * rsa_limb_bits);
  std::array<mp_limb_t, words + whole> shifted{};
  std::ranges::copy(value, shifted.begin() + whole);
  std::array<mp_limb_t, whole + 1> quotient{};
  Words remainder{};
  mpn_tdiv_qr(quotient.data(), remainder.data(), 0, shifted.data(), shifted.size(), modulus.data(),
              words);
  return remainder;
}

// -1 / n modulo 2^52, by Newton's iteration: each doubles the bits that are right, five at first.
std::uint64_t negative_inverse(std::uint64_t odd) noexcept {
  std::uint64_t inverse = (3 * odd) ^ 2U;
  for (int i = 0; i < 4; ++i) inverse *= 2 - odd * inverse;
  return (0 - inverse) & limb_mask;
}

}  // namespace

std::optional<Bytes> rsa_4096_power(ByteView modulus, ByteView signature) {
  if (!rsa_kernel_available() || modulus.size() != rsa_4096_size ||
      signature.size() != rsa_4096_size) {
    return std::nullopt;
  }
  const Words n = words_of(modulus);
  const Words s = words_of(signature);
  const bool odd = (n.front() & 1U) != 0;
  const bool full = n.back() >> 63U != 0;
  if (!odd || !full || mpn_cmp(s.data(), n.data(), words) >= 0) return std::nullopt;
  const RsaInteger n_limbs = limbs_of(n);
  const std::uint64_t n_inverse = negative_inverse(n.front());
  // 65537 is 2^16 + 1. The last product is with s itself, not with s R: it takes R out again.
  RsaInteger power = limbs_of(to_montgomery(s, n));
  for (int i = 0; i < 16; ++i) rsa_multiply(power, power, power, n_limbs, n_inverse);
  rsa_multiply(power, power, limbs_of(s), n_limbs, n_inverse);
  return bytes_of(reduced(power, n));
}

bool rsa_4096_pss_fits(ByteView modulus, const Sha384Digest& digest, ByteView signature) {
  const auto encoded = rsa_4096_power(modulus, signature);
  if (!encoded) return false;
  mpz_t message;
  mpz_init(message);
  mpz_import(message, encoded->size(), 1, 1, 1, 0, encoded->data());
  constexpr std::size_t encoded_bits = 8 * rsa_4096_size - 1;  // RFC 8017 section 8.1.2
  const bool fits =
      pss_verify_mgf1(message, encoded_bits, &nettle_sha384, salt_size, digest.data()) != 0;
  mpz_clear(message);
  return fits;
}

}  // namespace extreq::crypto
