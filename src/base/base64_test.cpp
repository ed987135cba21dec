#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace extreq {
namespace {

TEST(Base64, HasTheTextsOfRfc4648) {
  EXPECT_EQ(to_base64({}), "");
  EXPECT_EQ(to_base64(to_bytes("f")), "Zg==");
  EXPECT_EQ(to_base64(to_bytes("fo")), "Zm8=");
  EXPECT_EQ(to_base64(to_bytes("foo")), "Zm9v");
  EXPECT_EQ(to_base64(to_bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(to_base64(Bytes{0xFB, 0xFF, 0xBF}), "+/+/");
}

TEST(Base64, WhatIsWrittenIsReadAgain) {
  Bytes bytes;
  for (unsigned i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 41 + 7));
  }
}

TEST(Base64, BothAlphabetsAreReadAndPaddingMayBeLeftOut) {
  EXPECT_EQ(from_base64("+/+/").value(), (Bytes{0xFB, 0xFF, 0xBF}));
  EXPECT_EQ(from_base64("-_-_").value(), (Bytes{0xFB, 0xFF, 0xBF}));
  EXPECT_EQ(from_base64("Zg").value(), to_bytes("f"));
  EXPECT_EQ(from_base64("Zm8").value(), to_bytes("fo"));
}

TEST(Base64, WhatNoBytesHaveIsRefused) {
  for (const std::string_view text :
       {"Z", "Zm9vY", "=", "==", "====", "Zg=", "Zg===", "Zm9v====", "Zm8==", "Z===", "Zg==Zg==",
        "Zm 9v", "Zm9v\n", "Zm9*", "Zh==", "Zm9"}) {
    const auto read = from_base64(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::invalid_input);
  }
}

}  // namespace
}  // namespace extreq
