#include "crypto/p384/scalar.hpp"

#include <ostream>
#include <random>

#include <gtest/gtest.h>

#include "crypto/p384/kernel.hpp"
#include "crypto/p384/radix52.hpp"
#include "crypto/p384/test_integer.hpp"

namespace extreq::crypto::p384 {
namespace {

Integer value_of(const P384Limbs& limbs) {
  Integer r;
  mpz_import(r.raw(), limbs.size(), -1, sizeof(mp_limb_t), 0, 0, limbs.data());
  return r;
}

P384Limbs limbs_of(const Integer& value) {
  P384Limbs r{};
  mpz_export(r.data(), nullptr, -1, sizeof(mp_limb_t), 0, 0, value.raw());
  return r;
}

std::vector<P384Limbs> scalars() {
  std::mt19937_64 random(7);
  std::vector<P384Limbs> all = {limbs_of(Integer(1UL)), limbs_of(Integer(2UL)),
                                limbs_of(group_order() - Integer(1UL)),
                                limbs_of(Integer(1UL) << 383)};
  for (int i = 0; i < 200; ++i) {
    P384Limbs limbs;
    for (mp_limb_t& limb : limbs) limb = i % 3 == 0 && random() % 2 == 0 ? ~0UL : random();
    all.push_back(limbs_of(value_of(limbs) % group_order()));
  }
  return all;
}

TEST(P384Scalar, ProductsAgreeWithGmp) {
  const Integer radix = Integer(1UL) << 384;
  for (const P384Limbs& a : scalars()) {
    for (const P384Limbs& b : scalars()) {
      const Integer found = value_of(montgomery_multiply(a, b));
      ASSERT_TRUE(found < group_order());
      ASSERT_EQ((found * radix) % group_order(), (value_of(a) * value_of(b)) % group_order());
    }
  }
}

TEST(P384Scalar, OneInversionGivesAllInverses) {
  const auto values = scalars();
  const auto inverses = montgomery_inverses(values);
  ASSERT_EQ(inverses.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const P384Limbs one = montgomery_multiply(values[i], inverses[i]);
    ASSERT_EQ(value_of(one), Integer(1UL)) << i;
  }
  EXPECT_TRUE(montgomery_inverses({}).empty());
}

TEST(P384Scalar, SignedDigitsAddUpToTheScalarAndStayInTheirTables) {
  const auto check = [](const P384Limbs& scalar, unsigned window, std::size_t count) {
    std::vector<std::int8_t> digits(3 * count);
    signed_digits(scalar, window, count, digits.data(), 3);
    Integer sum;
    for (std::size_t i = count; i-- > 0;) {
      const int digit = digits[3 * i];
      ASSERT_LE(digit, 1 << (window - 1));
      ASSERT_GT(digit, -(1 << (window - 1)));
      const Integer magnitude(static_cast<unsigned long>(digit < 0 ? -digit : digit));
      sum = sum << window;
      sum = digit < 0 ? sum - magnitude : sum + magnitude;
    }
    ASSERT_EQ(sum, value_of(scalar));
  };
  auto all = scalars();
  all.push_back(P384Limbs{~0UL, ~0UL, ~0UL, ~0UL, ~0UL, ~0UL});
  all.push_back(P384Limbs{});
  for (const P384Limbs& scalar : all) {
    check(scalar, key_window, fresh_tables * fresh_columns);
    check(scalar, key_window, known_tables * known_columns);
    check(scalar, base_window, base_digits);
  }
}

TEST(P384Scalar, LimbsOf52BitsAreTheSameInteger) {
  for (const P384Limbs& scalar : scalars()) {
    Integer sum;
    for (std::size_t i = field_limbs; i-- > 0;) {
      sum = (sum << field_limb_bits) + Integer(limb52(scalar, i));
    }
    ASSERT_EQ(sum, value_of(scalar));
  }
}

}  // namespace
}  // namespace extreq::crypto::p384
