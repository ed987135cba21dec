#include "crypto/p384/scalar.hpp"

namespace extreq::crypto::p384 {
namespace {

__extension__ using Wide = unsigned __int128;

// -1/n mod 2^64, by Newton: each step doubles the bits that are right.
constexpr std::uint64_t minus_inverse() {
  std::uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - p384_order[0] * inverse;
  return 0 - inverse;
}

// 2^768 mod n.
P384Limbs square_of_radix() {
  std::array<mp_limb_t, 2 * p384_limbs + 1> power{};
  power.back() = 1;
  std::array<mp_limb_t, p384_limbs + 2> quotient{};
  P384Limbs remainder{};
  mpn_tdiv_qr(quotient.data(), remainder.data(), 0, power.data(), power.size(), p384_order.data(),
              p384_limbs);
  return remainder;
}

P384Limbs invert(const P384Limbs& value) {
  mpz_t number;
  mpz_t modulus;
  mpz_init(number);
  mpz_init(modulus);
  mpz_import(number, p384_limbs, -1, sizeof(mp_limb_t), 0, 0, value.data());
  mpz_import(modulus, p384_limbs, -1, sizeof(mp_limb_t), 0, 0, p384_order.data());
  mpz_invert(number, number, modulus);
  P384Limbs result{};
  mpz_export(result.data(), nullptr, -1, sizeof(mp_limb_t), 0, 0, number);
  mpz_clear(number);
  mpz_clear(modulus);
  return result;
}

}  // namespace

P384Limbs montgomery_multiply(const P384Limbs& a, const P384Limbs& b) noexcept {
  constexpr std::uint64_t factor = minus_inverse();
  std::array<std::uint64_t, p384_limbs + 2> t{};
  for (std::size_t i = 0; i < p384_limbs; ++i) {
    Wide carry = 0;
    for (std::size_t j = 0; j < p384_limbs; ++j) {
      carry += Wide{a[i]} * b[j] + t[j];
      t[j] = static_cast<std::uint64_t>(carry);
      carry >>= 64U;
    }
    carry += t[p384_limbs];
    t[p384_limbs] = static_cast<std::uint64_t>(carry);
    t[p384_limbs + 1] = static_cast<std::uint64_t>(carry >> 64U);

    const std::uint64_t q = t[0] * factor;
    carry = (Wide{q} * p384_order[0] + t[0]) >> 64U;
    for (std::size_t j = 1; j < p384_limbs; ++j) {
      carry += Wide{q} * p384_order[j] + t[j];
      t[j - 1] = static_cast<std::uint64_t>(carry);
      carry >>= 64U;
    }
    carry += t[p384_limbs];
    t[p384_limbs - 1] = static_cast<std::uint64_t>(carry);
    t[p384_limbs] = t[p384_limbs + 1] + static_cast<std::uint64_t>(carry >> 64U);
  }
  P384Limbs r;
  std::copy_n(t.begin(), p384_limbs, r.begin());
  if (t[p384_limbs] != 0) {
    mpn_sub_n(r.data(), r.data(), p384_order.data(), p384_limbs);
    return r;
  }
  return reduce_once(r);
}

std::vector<P384Limbs> montgomery_inverses(std::span<const P384Limbs> values) {
  if (values.empty()) return {};
  static const P384Limbs radix_squared = square_of_radix();
  // products[i]: the product of the values up to i, times 2^-384 for each multiplication.
  std::vector<P384Limbs> products(values.begin(), values.end());
  for (std::size_t i = 1; i < values.size(); ++i) {
    products[i] = montgomery_multiply(products[i - 1], values[i]);
  }
  // inverse: 2^384 / products[i], going down.
  P384Limbs inverse = montgomery_multiply(invert(products.back()), radix_squared);
  for (std::size_t i = values.size(); i-- > 1;) {
    products[i] = montgomery_multiply(inverse, products[i - 1]);
    inverse = montgomery_multiply(inverse, values[i]);
  }
  products[0] = inverse;
  return products;
}

void signed_digits(const P384Limbs& value, unsigned window, std::size_t count, std::int8_t* digits,
                   std::size_t stride) noexcept {
  const int half = 1 << (window - 1);
  int carry = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t bit = i * window;
    std::uint64_t bits = 0;
    if (bit < 384) {
      bits = value[bit / 64] >> (bit % 64);
      if (bit % 64 + window > 64 && bit / 64 + 1 < p384_limbs) {
        bits |= value[bit / 64 + 1] << (64 - bit % 64);
      }
    }
    int digit = static_cast<int>(bits & ((std::uint64_t{1} << window) - 1)) + carry;
    carry = digit > half ? 1 : 0;
    digit -= carry << window;
    digits[i * stride] = static_cast<std::int8_t>(digit);
  }
}

}  // namespace extreq::crypto::p384
