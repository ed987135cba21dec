#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace extreq {
namespace {

TEST(Printable, PlainTextStaysAsItIs) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("Milan-B0 ~"), "Milan-B0 ~");
}

TEST(Printable, NothingThatSteersATerminalPasses) {
  EXPECT_EQ(printable("a\x1B[2Jb\n\x7F\xC3\xA4"), "a?[2Jb????");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "?x");
}

TEST(Printable, LongTextIsCutAndSaidToBe) {
  EXPECT_EQ(printable("12345", 5), "12345");
  EXPECT_EQ(printable("123456", 5), "12345...");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), 35U);
}

}  // namespace
}  // namespace extreq
