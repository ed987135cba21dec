#include "base/bytes.hpp"

#include <gtest/gtest.h>

namespace extreq {
namespace {

TEST(Hex, RoundTripsEveryByteValue) {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  const std::string text = to_hex(all);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(from_hex(text), all);
}

TEST(Hex, AcceptsUpperCase) { EXPECT_EQ(from_hex("aBCd"), (Bytes{0xAB, 0xCD})); }

TEST(Hex, NamesTheWrongCharacterAndItsPosition) {
  const auto result = from_hex("00x1");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_input);
  EXPECT_EQ(result.error().message, "'x' at position 2 is not a hexadecimal digit");
  EXPECT_EQ(from_hex("\x1b[").error().message, "'?' at position 0 is not a hexadecimal digit");
  EXPECT_EQ(from_hex("0g").error().message, "'g' at position 1 is not a hexadecimal digit");
}

TEST(Hex, RefusesAnOddNumberOfDigits) {
  EXPECT_EQ(from_hex("123").error().message,
            "hexadecimal text has 3 digits, an even number is needed");
}

TEST(Bytes, AllZeroSeesOneBitAnywhere) {
  Bytes bytes(64);
  EXPECT_TRUE(all_zero(bytes));
  EXPECT_TRUE(all_zero({}));
  for (auto& byte : bytes) {
    byte = 0x80;
    EXPECT_FALSE(all_zero(bytes));
    byte = 0;
  }
}

TEST(Bytes, ConstantTimeComparisonSeesEveryByteAndTheLength) {
  const Bytes a{1, 2, 3};
  EXPECT_TRUE(equal_constant_time(a, Bytes{1, 2, 3}));
  EXPECT_FALSE(equal_constant_time(a, Bytes{0, 2, 3}));
  EXPECT_FALSE(equal_constant_time(a, Bytes{1, 2, 0}));
  EXPECT_FALSE(equal_constant_time(a, Bytes{1, 2}));
}

}  // namespace
}  // namespace extreq
