#include "crypto/rfc6979.hpp"

#include <gtest/gtest.h>

#include "crypto/test_bytes.hpp"

namespace extreq::crypto {
namespace {

// RFC 6979 appendix A.2.6.
constexpr const char* example_key =
    "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
    "96d5724e4c70a825f872c9ea60d2edf5";

std::string text_of(const P384Limbs& limbs) {
  std::array<std::uint8_t, p384_size> bytes;
  store_big_endian(limbs, bytes);
  return to_hex(bytes);
}

TEST(Rfc6979Nonces, TheFirstIsTheOneOfTheRfc) {
  P384Limbs nonce;
  Rfc6979Nonces(hex_array<p384_size>(example_key), sha384(to_bytes("sample"))).next(nonce);
  EXPECT_EQ(text_of(nonce),
            "94ed910d1a099dad3254e9242ae85abde4ba15168eaf0ca87a555fd56d10fbca"
            "2907e3e83ba95368623b8c4686915cf9");
  Rfc6979Nonces(hex_array<p384_size>(example_key), sha384(to_bytes("test"))).next(nonce);
  EXPECT_EQ(text_of(nonce),
            "015ee46a5bf88773ed9123a5ab0807962d193719503c527b031b4c2d225092ad"
            "a71f4a459bc0da98adb95837db8312ea");
}

// Answered by a second implementation, in Python.
TEST(Rfc6979Nonces, TheSecondFollowsTheRfcToo) {
  Rfc6979Nonces nonces(hex_array<p384_size>(example_key), sha384(to_bytes("sample")));
  P384Limbs nonce;
  nonces.next(nonce);
  nonces.next(nonce);
  EXPECT_EQ(text_of(nonce),
            "9d63ce4c96d070a67f7bee49e870b64838c0ac65bb7440cf46017dca69d35d23"
            "6219aae5e00a9f01f13e7774be1339fc");
}

TEST(P384Limbs, AreReadAndWrittenBigEndian) {
  const auto bytes = hex_array<p384_size>(example_key);
  P384Limbs limbs;
  load_big_endian(bytes, limbs);
  EXPECT_EQ(limbs[0], 0xf872c9ea60d2edf5U);
  EXPECT_EQ(limbs[5], 0x6b9d3dad2e1b8c1cU);
  EXPECT_EQ(text_of(limbs), example_key);
}

TEST(P384Limbs, AScalarLiesBetweenZeroAndTheOrder) {
  P384Limbs value{};
  EXPECT_FALSE(is_p384_scalar(value));
  value[0] = 1;
  EXPECT_TRUE(is_p384_scalar(value));
  value = p384_order;
  EXPECT_FALSE(is_p384_scalar(value));
  value[0] -= 1;
  EXPECT_TRUE(is_p384_scalar(value));
  value[0] += 2;
  EXPECT_FALSE(is_p384_scalar(value));
  value = {0, 0, 0, 0, 0, 1};
  EXPECT_TRUE(is_p384_scalar(value));
}

}  // namespace
}  // namespace extreq::crypto
