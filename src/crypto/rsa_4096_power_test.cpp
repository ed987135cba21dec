#include "crypto/rsa_4096_power.hpp"

#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/p384/test_integer.hpp"
#include "crypto/rsa_4096_kernel.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::crypto {
namespace {

using p384::Integer;

constexpr unsigned long radix_bits = rsa_limbs * rsa_limb_bits;

Integer integer_of(ByteView big_endian) {
  Integer result;
  mpz_import(result.raw(), big_endian.size(), 1, 1, 1, 0, big_endian.data());
  return result;
}

Bytes bytes_of(const Integer& value) {
  Bytes result(rsa_4096_size);
  const std::size_t size = (mpz_sizeinbase(value.raw(), 2) + 7) / 8;
  mpz_export(result.data() + (rsa_4096_size - size), nullptr, 1, 1, 1, 0, value.raw());
  return result;
}

RsaInteger limbs_of(const Integer& value) {
  RsaInteger result{};
  Integer rest = value;
  for (auto& limb : result.limb) {
    Integer low;
    mpz_fdiv_r_2exp(low.raw(), rest.raw(), rsa_limb_bits);
    limb = mpz_get_ui(low.raw());
    mpz_fdiv_q_2exp(rest.raw(), rest.raw(), rsa_limb_bits);
  }
  return result;
}

Integer integer_of(const RsaInteger& value) {
  Integer result;
  for (std::size_t i = rsa_limbs; i-- > 0;) {
    result = (result << rsa_limb_bits) + Integer(value.limb[i]);
  }
  return result;
}

// Moduli of 4096 bits at which carries are longest and rarest, and some at random.
std::vector<Integer> moduli(std::mt19937_64& random) {
  const Integer one(1);
  std::vector<Integer> result{(one << 4096) - one, (one << 4095) + one,
                              (one << 4096) - (one << 2048) + one,
                              (one << 4096) - (one << 52) - one};
  for (int i = 0; i < 8; ++i) {
    Bytes bytes(rsa_4096_size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes.front() |= 0x80U;
    bytes.back() |= 1U;
    result.push_back(integer_of(bytes));
  }
  return result;
}

// 0, 1, and what is near n, 2^4095, 2^4096 and 2 n, as far as it is below `limit`; some at random.
std::vector<Integer> values(const Integer& n, const Integer& limit, std::mt19937_64& random) {
  const Integer one(1);
  std::vector<Integer> result{Integer()};
  const auto add = [&](const Integer& value) {
    if (value < limit) result.push_back(value);
  };
  for (const Integer& near : {one, n, n + n, one << 4095, one << 4096}) {
    add(near - one);
    add(near);
    add(near + one);
  }
  for (int i = 0; i < 4; ++i) {
    Bytes bytes(rsa_4096_size + 8);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    add(integer_of(bytes) % limit);
  }
  return result;
}

class RsaKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (!rsa_kernel_available()) GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no AVX-512 IFMA here";
  }
  std::mt19937_64 random{20260101};
};

TEST_F(RsaKernel, AProductIsCongruentAndBelowTwiceTheModulus) {
  const Integer radix = Integer(1) << radix_bits;
  const Integer limb = Integer(1) << rsa_limb_bits;
  for (const Integer& n : moduli(random)) {
    const RsaInteger modulus = limbs_of(n);
    const Integer n_inverse = (limb - p384::inverse(n, limb)) % limb;
    const Integer radix_inverse = p384::inverse(radix, n);
    const auto operands = values(n, n + n, random);
    for (const Integer& a : operands) {
      for (const Integer& b : operands) {
        RsaInteger product{};
        rsa_multiply(product, limbs_of(a), limbs_of(b), modulus, mpz_get_ui(n_inverse.raw()));
        const Integer found = integer_of(product);
        ASSERT_TRUE(found < n + n);
        ASSERT_EQ(found % n, a * b * radix_inverse % n);
        for (const auto part : product.limb) ASSERT_LT(part, std::uint64_t{1} << rsa_limb_bits);
      }
    }
  }
}

TEST_F(RsaKernel, TheResultMayTakeTheFactorsPlace) {
  const Integer n = moduli(random).back();
  const Integer limb = Integer(1) << rsa_limb_bits;
  const auto n_inverse = mpz_get_ui(((limb - p384::inverse(n, limb)) % limb).raw());
  const RsaInteger a = limbs_of(n - Integer(3));
  RsaInteger apart{};
  rsa_multiply(apart, a, a, limbs_of(n), n_inverse);
  RsaInteger in_place = a;
  rsa_multiply(in_place, in_place, in_place, limbs_of(n), n_inverse);
  EXPECT_EQ(integer_of(in_place), integer_of(apart));
}

TEST_F(RsaKernel, ThePowerIsGmps) {
  for (const Integer& n : moduli(random)) {
    for (const Integer& s : values(n, n, random)) {
      Integer wanted;
      mpz_powm_ui(wanted.raw(), s.raw(), 65537, n.raw());
      const auto found = rsa_4096_power(bytes_of(n), bytes_of(s));
      ASSERT_TRUE(found);
      ASSERT_EQ(integer_of(*found), wanted);
    }
  }
}

TEST_F(RsaKernel, WhatIsNoPublicOperationOfSuchAKeyIsLeftToOthers) {
  const Integer one(1);
  const Integer n = (one << 4096) - one;
  const Bytes modulus = bytes_of(n);
  const Bytes signature = bytes_of(n - one);
  ASSERT_TRUE(rsa_4096_power(modulus, signature));
  EXPECT_FALSE(rsa_4096_power(modulus, bytes_of(n))) << "not below the modulus";
  EXPECT_FALSE(rsa_4096_power(bytes_of(n - one), bytes_of(one))) << "an even modulus";
  EXPECT_FALSE(rsa_4096_power(bytes_of((one << 4095) - one), bytes_of(one))) << "4095 bits";
  EXPECT_FALSE(rsa_4096_power(ByteView(modulus).first(511), signature));
  EXPECT_FALSE(rsa_4096_power(modulus, ByteView(signature).first(511)));
  EXPECT_FALSE(rsa_4096_power({}, {}));
}

// The key's own judge would take a good signature whatever the kernel says: here it has no word.
TEST_F(RsaKernel, GoodSignaturesAreFoundGoodAndNoOther) {
  const auto& key = test_rsa_key("ark");
  const Bytes message = to_bytes("message");
  const Bytes signature = key.sign(message).value();
  const ByteView info = key.public_key().der();
  const ByteView modulus = info.subspan(33, rsa_4096_size);
  EXPECT_TRUE(rsa_4096_pss_fits(modulus, sha384(message), signature));
  EXPECT_FALSE(rsa_4096_pss_fits(modulus, sha384(to_bytes("massage")), signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Bytes flipped = signature;
    flipped[i] ^= 1U;
    EXPECT_FALSE(rsa_4096_pss_fits(modulus, sha384(message), flipped)) << i;
  }
  const ByteView other = ByteView(test_rsa_key("ask").public_key().der()).subspan(33);
  EXPECT_FALSE(rsa_4096_pss_fits(other.first(rsa_4096_size), sha384(message), signature));
}

// 0 and 1 are their own powers under every key, and no encoded message (RFC 8017 section 9.1.2).
TEST_F(RsaKernel, ZeroAndOneAreNobodysSignatures) {
  const Bytes modulus = bytes_of((Integer(1) << 4096) - Integer(1));
  EXPECT_FALSE(rsa_4096_pss_fits(modulus, sha384({}), bytes_of(Integer(1))));
  EXPECT_FALSE(rsa_4096_pss_fits(modulus, sha384({}), bytes_of(Integer())));
}

}  // namespace
}  // namespace extreq::crypto
