// Sums u1 G + u2 Q that meet a special case of the addition law on purpose (doc/p384.md). The
// kernel's sum begins at the public point B, so a key Q = B / c meets it where u2's first digit is
// c: B + B is wrong by the formula, and so is B - B for Q = -B / c. Z is then 0, and a verifier
// that compares r Z^2 with X without a look at Z takes every signature of that key.
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/p384/batch_verifier.hpp"
#include "crypto/p384/radix52.hpp"
#include "crypto/p384/scalar.hpp"
#include "crypto/p384/tables.hpp"
#include "crypto/p384/test_integer.hpp"

namespace extreq::crypto::p384 {
namespace {

// Where the first digit of u2 is, for a key that was not seen before and for a known one.
enum class Way { fresh, known };

class SpecialCases : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (!ifma_available()) GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no AVX-512 IFMA here";
  }

  struct Signed {
    EcdsaP384PublicKey key;
    Integer u1;
    Integer u2;
    Sha384Digest digest;
    EcdsaP384Signature signature;
  };

  Integer random_below(const Integer& limit) {
    Bytes48 bytes{};
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return integer_of(bytes) % limit;
  }

  // Below the digit comes no carry: what is left of it is below half of its unit.
  Integer factor_with_digit(unsigned long digit) {
    const Integer one(1UL);
    if (GetParam() == Way::fresh) {
      constexpr unsigned long place = key_window * (fresh_columns - 1);
      return (Integer(digit) << place) + random_below(one << (place - 1));
    }
    constexpr unsigned long place = key_window * (known_columns - 1);
    const Integer high = random_below(one << (383 - place - key_window));
    return (high << (place + key_window)) + (Integer(digit) << place) +
           random_below(one << (place - 1));
  }

  // The signature by d = B / digit, or its negative, whose verification computes u1 G + u2 Q.
  Signed make(unsigned long digit, bool negative) {
    const Integer& n = group_order();
    Bytes48 start{};
    store_big_endian(start_scalar(), start);
    Integer d = (integer_of(start) * inverse(Integer(digit), n)) % n;
    if (negative) d = n - d;
    const Integer u1 = random_below(n);
    const Integer u2 = factor_with_digit(digit);
    const auto point = EcdsaP384PrivateKey::from_scalar(bytes48_of((u1 + u2 * d) % n)).value();
    const Integer r = integer_of(point.public_key().qx()) % n;
    const Integer s = (r * inverse(u2, n)) % n;
    return {EcdsaP384PrivateKey::from_scalar(bytes48_of(d)).value().public_key(), u1, u2,
            bytes48_of((u1 * s) % n), EcdsaP384Signature{bytes48_of(r), bytes48_of(s)}};
  }

  std::vector<Signed> make_all() {
    std::vector<Signed> all;
    for (unsigned long digit = 1; digit < key_entries; ++digit) {
      for (const bool negative : {false, true}) all.push_back(make(digit, negative));
    }
    return all;
  }

  static std::vector<bool> verdicts(const std::vector<Signed>& all) {
    const BatchVerifier verifier({.kernel = Kernel::ifma,
                                  .known_keys = GetParam() == Way::fresh ? 0U : 1024U,
                                  .known_after = 1});
    std::vector<SignatureQuestion> questions;
    for (const Signed& one : all) questions.push_back({&one.key, one.digest, one.signature});
    return verifier.verify(questions);
  }

  // The kernel itself, all lanes with the one question.
  static Answer kernel_says(const Signed& one) {
    const KeyTable table = make_key_table(one.key);
    const bool fresh = GetParam() == Way::fresh;
    Group group;
    group.tables = fresh ? fresh_tables : known_tables;
    group.columns = fresh ? fresh_columns : known_columns;
    group.base_table = base_tables().multiples.data();
    group.start = &base_tables().start;
    group.end = fresh ? &base_tables().fresh_end : &base_tables().known_end;
    const auto limbs_of = [](const Integer& value) {
      P384Limbs limbs;
      load_big_endian(bytes48_of(value), limbs);
      return limbs;
    };
    P384Limbs r;
    load_big_endian(one.signature.r, r);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      group.key_tables[lane] = table.data();
      signed_digits(limbs_of(one.u2), key_window, group.tables * group.columns,
                    &group.key_digits[0][lane], lanes);
      signed_digits(limbs_of(one.u1), base_window, base_digits, &group.base_digits[0][lane], lanes);
      for (std::size_t i = 0; i < field_limbs; ++i) group.r[i][lane] = limb52(r, i);
    }
    return ifma_check(group);
  }

  std::mt19937_64 random_{384};
};

TEST_P(SpecialCases, TheKernelLeavesThemUndecided) {
  for (const Signed& one : make_all()) EXPECT_EQ(kernel_says(one).undecided, 0xFF);
}

TEST_P(SpecialCases, AForgedSignatureThatMeetsOneIsRefusedAndAGoodOneIsTaken) {
  auto all = make_all();
  EXPECT_EQ(verdicts(all), std::vector<bool>(all.size(), true));
  for (Signed& one : all) one.digest[40] ^= 1U;
  EXPECT_EQ(verdicts(all), std::vector<bool>(all.size(), false));
}

INSTANTIATE_TEST_SUITE_P(Ways, SpecialCases, testing::Values(Way::fresh, Way::known),
                         [](const auto& info) {
                           return info.param == Way::fresh ? "FreshKeys" : "KnownKeys";
                         });

}  // namespace
}  // namespace extreq::crypto::p384
