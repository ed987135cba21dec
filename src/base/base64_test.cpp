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

}  // namespace
}  // namespace extreq
