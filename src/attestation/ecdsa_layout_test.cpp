#include "attestation/ecdsa_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_evidence.hpp"

namespace extreq::attestation {
namespace {

crypto::EcdsaP384Signature counted() {
  crypto::EcdsaP384Signature signature;
  for (std::size_t i = 0; i < 48; ++i) {
    signature.r.at(i) = static_cast<std::uint8_t>(i + 1);
    signature.s.at(i) = static_cast<std::uint8_t>(i + 101);
  }
  return signature;
}

TEST(EcdsaLayout, WritesIntegersWithTheLeastSignificantByteFirst) {
  const auto layout = to_layout(counted());
  EXPECT_EQ(layout.r[0], 48);
  EXPECT_EQ(layout.r[47], 1);
  EXPECT_EQ(layout.r[48], 0);
  EXPECT_EQ(layout.s[0], 148);
  EXPECT_EQ(layout.s[47], 101);
  EXPECT_TRUE(all_zero(layout.reserved));
}

TEST(EcdsaLayout, ReadsWhatItWrites) { EXPECT_EQ(read_signature(to_layout(counted())), counted()); }

TEST(EcdsaLayout, EachByteThatNoSignatureUsesIsRefused) {
  for (std::size_t i = 48; i < 72; ++i) {
    auto layout = to_layout(counted());
    layout.r.at(i) = 1;
    EXPECT_EQ(read_signature(layout).error().code, Code::not_genuine) << i;
    layout = to_layout(counted());
    layout.s.at(i) = 0x80;
    EXPECT_THAT(read_signature(layout).error().message, testing::HasSubstr("S has a byte set"));
  }
  for (std::size_t i = 0; i < sizeof(abi::snp::EcdsaSignature::reserved); ++i) {
    auto layout = to_layout(counted());
    layout.reserved.at(i) = 1;
    EXPECT_THAT(read_signature(layout).error().message,
                testing::HasSubstr(fmt::format("reserved byte {} ", i)));
  }
}

TEST(EcdsaLayout, PublicKeysSurviveTheRoundTrip) {
  const auto& key = test::leaf_key().public_key();
  const auto layout = to_layout(key);
  EXPECT_EQ(layout.curve, 2U);
  EXPECT_EQ(read_public_key(layout), key);
}

TEST(EcdsaLayout, PublicKeysThatAreNoneAreRefused) {
  const auto good = to_layout(test::leaf_key().public_key());
  auto other_curve = good;
  other_curve.curve = 1;
  EXPECT_THAT(read_public_key(other_curve).error().message, testing::HasSubstr("curve 1 found"));
  auto long_x = good;
  long_x.qx[48] = 1;
  EXPECT_FALSE(read_public_key(long_x));
  auto long_y = good;
  long_y.qy[71] = 1;
  EXPECT_FALSE(read_public_key(long_y));
  auto reserved = good;
  reserved.reserved.back() = 1;
  EXPECT_FALSE(read_public_key(reserved));
  auto off_curve = good;
  off_curve.qx[0] ^= 1U;
  EXPECT_FALSE(read_public_key(off_curve));
}

// Expected: Python's hashlib over the 0x404 bytes.
TEST(EcdsaLayout, TheDigestOfAKeyCoversTheWholeStructure) {
  abi::snp::EcdsaPublicKey key;
  key.curve = 2;
  for (std::size_t i = 0; i < 48; ++i) {
    key.qx.at(i) = static_cast<std::uint8_t>(i + 1);
    key.qy.at(i) = static_cast<std::uint8_t>(i + 101);
  }
  EXPECT_EQ(to_hex(key_digest(key)),
            "f94571b6626a66cdccbe98fa66a2fef0dfb96ffbcba1a524ef731727bb595a73"
            "6e7caa7d263f89cf44375f2b1a724317");
}

}  // namespace
}  // namespace extreq::attestation
