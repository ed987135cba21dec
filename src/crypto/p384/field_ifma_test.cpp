// The field layer against GMP, above all where limbs are full and carries travel.
#include <array>
#include <functional>
#include <ostream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/p384/test_field_probe.hpp"
#include "crypto/p384/test_integer.hpp"

namespace extreq::crypto::p384 {
namespace {

Integer value_of(const Lanes& lanes_, std::size_t lane) {
  Integer sum;
  for (std::size_t i = field_limbs; i-- > 0;) {
    sum = (sum << field_limb_bits) + Integer(lanes_.limbs[i][lane]);
  }
  return sum;
}

Lanes lanes_of(const std::array<Integer, lanes>& values) {
  Lanes r{};
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    Integer rest = values[lane];
    for (std::size_t i = 0; i < field_limbs; ++i) {
      r.limbs[i][lane] = mpz_fdiv_ui(rest.raw(), 1UL << field_limb_bits);
      mpz_fdiv_q_2exp(rest.raw(), rest.raw(), field_limb_bits);
    }
  }
  return r;
}

bool limbs_are_normal(const Lanes& value) {
  for (std::size_t i = 0; i < field_limbs; ++i) {
    for (const std::uint64_t limb : value.limbs[i]) {
      if (limb >> field_limb_bits != 0) return false;
    }
  }
  return true;
}

// Limbs from a few extreme values and random ones, the value below 2^bits.
class Values {
 public:
  Integer next(unsigned bits) {
    static constexpr std::uint64_t mask = (std::uint64_t{1} << field_limb_bits) - 1;
    Integer sum;
    const bool extreme = (random_() & 1U) != 0;
    for (std::size_t i = 0; i < field_limbs; ++i) {
      std::uint64_t limb = random_() & mask;
      if (extreme) {
        static constexpr std::array<std::uint64_t, 6> usual = {
            0, 1, mask, mask - 1, std::uint64_t{1} << 51, 0xFFFFFFFF};
        limb = usual[random_() % usual.size()];
      }
      sum = (sum << field_limb_bits) + Integer(limb);
    }
    return sum % (Integer(1UL) << bits);
  }
  std::array<Integer, lanes> lanes_below(unsigned bits) {
    std::array<Integer, lanes> values;
    for (Integer& value : values) value = next(bits);
    return values;
  }

 private:
  std::mt19937_64 random_{20240601};
};

const Integer& radix() {
  static const Integer r = Integer(1UL) << 416;
  return r;
}

class FieldIfma : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ifma_available()) GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no AVX-512 IFMA here";
  }
  static constexpr int rounds = 300;
  Values values_;
};

TEST_F(FieldIfma, ProductsAreRightAndBelowTwiceThePrimeForAllThatTheKernelMultiplies) {
  for (int round = 0; round < rounds; ++round) {
    const auto a = values_.lanes_below(398);
    const auto b = values_.lanes_below(398);
    const Lanes product = probe_multiply(lanes_of(a), lanes_of(b));
    const Lanes square = probe_square(lanes_of(a));
    ASSERT_TRUE(limbs_are_normal(product) && limbs_are_normal(square));
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const Integer found = value_of(product, lane);
      ASSERT_TRUE(found < field_prime() + field_prime());
      ASSERT_EQ((found * radix()) % field_prime(), (a[lane] * b[lane]) % field_prime());
      const Integer squared = value_of(square, lane);
      ASSERT_TRUE(squared < field_prime() + field_prime());
      ASSERT_EQ((squared * radix()) % field_prime(), (a[lane] * a[lane]) % field_prime());
    }
  }
}

TEST_F(FieldIfma, FullLimbsDoNotOverflowTheAccumulators) {
  std::array<Integer, lanes> full;
  for (Integer& value : full) value = (Integer(1UL) << 398) - Integer(1UL);
  const Lanes product = probe_multiply(lanes_of(full), lanes_of(full));
  EXPECT_EQ((value_of(product, 3) * radix()) % field_prime(), (full[3] * full[3]) % field_prime());
}

TEST_F(FieldIfma, SumsDifferencesAndShiftsAreExact) {
  for (int round = 0; round < rounds; ++round) {
    const auto a = values_.lanes_below(392);
    const auto b = values_.lanes_below(392);
    const auto product = values_.lanes_below(385);  // what is taken away is below 2 p
    const Lanes sum = probe_add(lanes_of(a), lanes_of(b));
    const Lanes difference = probe_subtract(lanes_of(a), lanes_of(product), 3);
    const auto coordinate = values_.lanes_below(391);
    const Lanes from_coordinate =
        probe_subtract_coordinate(lanes_of(product), lanes_of(coordinate));
    const Lanes shifted = probe_shift_left(lanes_of(a), 2);
    ASSERT_TRUE(limbs_are_normal(sum) && limbs_are_normal(difference) &&
                limbs_are_normal(from_coordinate) && limbs_are_normal(shifted));
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      ASSERT_EQ(value_of(sum, lane), a[lane] + b[lane]);
      ASSERT_EQ(value_of(difference, lane), a[lane] + (field_prime() << 7) - (product[lane] << 3));
      ASSERT_EQ(value_of(from_coordinate, lane),
                product[lane] + (field_prime() << 8) - coordinate[lane]);
      ASSERT_EQ(value_of(shifted, lane), a[lane] << 2);
    }
  }
}

TEST_F(FieldIfma, InversesAreInversesAndZeroHasNone) {
  auto a = values_.lanes_below(385);
  a[2] = Integer(1UL);
  a[5] = Integer();
  const Lanes inverted = probe_invert(lanes_of(a));
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const Integer found = value_of(inverted, lane) % field_prime();
    // a is x R, the inverse x^-1 R.
    const Integer wanted =
        lane == 5 ? Integer()
                  : (inverse(a[lane], field_prime()) * radix() * radix()) % field_prime();
    EXPECT_EQ(found, wanted) << "lane " << lane;
  }
}

TEST_F(FieldIfma, EveryMultipleOfThePrimeIsZeroAndNothingElse) {
  for (unsigned long multiple = 0; multiple < 258; ++multiple) {
    std::array<Integer, lanes> values;
    values.fill(field_prime() * Integer(multiple));
    values[1] = values[1] + Integer(1UL);
    values[6] = values[6] + field_prime() - Integer(1UL);
    ASSERT_EQ(probe_is_zero(lanes_of(values)), 0xFF & ~(1 << 1 | 1 << 6)) << multiple;
  }
}

}  // namespace
}  // namespace extreq::crypto::p384
