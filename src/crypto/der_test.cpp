#include "crypto/der.hpp"

#include <gtest/gtest.h>

#include "crypto/test_bytes.hpp"

namespace extreq::crypto {
namespace {

TEST(TakeDer, CutsOneElementAfterTheOther) {
  const Bytes bytes = hex("0201053003040177");
  ByteView rest = bytes;
  const auto first = take_der(rest);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->identifier, der_integer);
  EXPECT_EQ(to_hex(first->whole), "020105");
  EXPECT_EQ(to_hex(first->content), "05");
  const auto second = take_der(rest);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->identifier, der_sequence);
  EXPECT_EQ(to_hex(second->content), "040177");
  EXPECT_TRUE(rest.empty());
  EXPECT_FALSE(take_der(rest));
}

TEST(TakeDer, RefusesWhatIsCutOffAndMovesNothing) {
  const Bytes whole = make_der(der_octet_string, {Bytes(300, 0x5A)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of exactly that size: a read beyond it would be seen by the sanitizers.
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ByteView rest = part;
    ASSERT_FALSE(take_der(rest)) << size;
    EXPECT_EQ(rest.size(), size);
  }
}

TEST(TakeDer, RefusesIndefiniteAndEnormousLengthsAndLongTags) {
  for (const char* const text :
       {"30800000", "3085000000000100", "3084ffffffff00", "30ff", "1f0100", "bf0100"}) {
    const Bytes bytes = hex(text);
    ByteView rest = bytes;
    EXPECT_FALSE(take_der(rest)) << text;
  }
}

TEST(MakeDer, WritesTheShortestLength) {
  EXPECT_EQ(to_hex(make_der(der_sequence, {})), "3000");
  EXPECT_EQ(to_hex(make_der(der_integer, {hex("01"), hex("02")})), "02020102");
  const auto header_of = [](std::size_t size) {
    const Bytes bytes = make_der(der_octet_string, {Bytes(size)});
    return to_hex(ByteView(bytes).first(bytes.size() - size));
  };
  EXPECT_EQ(header_of(127), "047f");
  EXPECT_EQ(header_of(128), "048180");
  EXPECT_EQ(header_of(255), "0481ff");
  EXPECT_EQ(header_of(256), "04820100");
  EXPECT_EQ(header_of(65536), "0483010000");
}

TEST(MakeDer, WritesWhatTakeDerReads) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const Bytes bytes = make_der(der_octet_string, {Bytes(size, 0x5A)});
    ByteView rest = bytes;
    const auto element = take_der(rest);
    ASSERT_TRUE(element);
    EXPECT_EQ(element->content.size(), size);
    EXPECT_EQ(element->whole.size(), bytes.size());
  }
}

}  // namespace
}  // namespace extreq::crypto
