#include "crypto/random.hpp"

#include <set>

#include <gtest/gtest.h>

namespace extreq::crypto {
namespace {

// getrandom(2) may stop early above 256 bytes. That 16 bytes of good randomness are all zero
// happens once in 2^128 runs.
TEST(RandomBytes, FillsEveryPartOfALongBuffer) {
  Bytes out(1U << 20U);
  ASSERT_TRUE(random_bytes(out));
  for (std::size_t at = 0; at < out.size(); at += 16) {
    ASSERT_FALSE(all_zero(ByteView(out).subspan(at, 16))) << at;
  }
}

TEST(RandomBytes, NeverGivesTheSameTwice) {
  std::set<Bytes> seen;
  for (int i = 0; i < 1000; ++i) {
    Bytes out(16);
    ASSERT_TRUE(random_bytes(out));
    EXPECT_TRUE(seen.insert(out).second);
  }
}

TEST(RandomBytes, NothingIsEasilyGiven) { EXPECT_TRUE(random_bytes({})); }

}  // namespace
}  // namespace extreq::crypto
