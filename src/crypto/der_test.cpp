#include "crypto/der.hpp"

#include <gtest/gtest.h>

#include "crypto/test_bytes.hpp"

namespace extreq::crypto {
namespace {

TEST(TakeStrictDer, CutsOneElementAfterTheOther) {
  const Bytes bytes = hex("0201053003040177");
  ByteView rest = bytes;
  EXPECT_FALSE(take_strict_der(rest, der_sequence));
  const auto first = take_strict_der(rest, der_integer);
  ASSERT_TRUE(first);
  EXPECT_EQ(to_hex(first->whole), "020105");
  EXPECT_EQ(to_hex(first->content), "05");
  const auto second = take_strict_der(rest, der_sequence);
  ASSERT_TRUE(second);
  EXPECT_EQ(to_hex(second->content), "040177");
  EXPECT_TRUE(rest.empty());
  EXPECT_FALSE(take_strict_der(rest, der_sequence));
}

TEST(TakeStrictDer, RefusesWhatIsCutOffAndMovesNothing) {
  const Bytes whole = make_der(der_octet_string, {Bytes(300, 0x5A)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of exactly that size: a read beyond it would be seen by the sanitizers.
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ByteView rest = part;
    ASSERT_FALSE(take_strict_der(rest, der_octet_string)) << size;
    EXPECT_EQ(rest.size(), size);
  }
}

TEST(TakeStrictDer, TakesOnlyTheShortestFormOfALength) {
  for (const char* const text : {"04820001aa", "048101aa", "0480", "0480aa0000", "05", "0401",
                                 "0485000000000100", "0484ffffffff00", "04ff", "24030401aa"}) {
    const Bytes bytes = hex(text);
    ByteView rest = bytes;
    EXPECT_FALSE(take_strict_der(rest, der_octet_string)) << text;
    EXPECT_EQ(rest.size(), bytes.size());
  }
}

TEST(ReadDer, SaysWhatWasFoundAndWhatIsLeft) {
  const Bytes bytes = hex("0201050506");
  ByteView rest = bytes;
  EXPECT_EQ(read_der(rest, der_sequence, "the list").error().message,
            "the list: found 0201050506, expected DER with the identifier 0x30 and a whole element "
            "behind its shortest length");
  ASSERT_TRUE(read_der(rest, der_integer, "the list"));
  EXPECT_EQ(check_der_end(rest, "the list").error().message,
            "the list: 2 bytes too many at its end, 0506");
  EXPECT_TRUE(check_der_end({}, "the list"));
  EXPECT_EQ(shown_der(Bytes(17, 0xAB)), "abababababababababababababababab... (17 bytes)");
}

TEST(OidText, IsDottedAndOfTheShortestFormOnly) {
  EXPECT_EQ(oid_text(hex("551d13")), "2.5.29.19");
  EXPECT_EQ(oid_text(hex("2b060104019c7801030a")), "1.3.6.1.4.1.3704.1.3.10");
  EXPECT_EQ(oid_text(hex("00")), "0.0");
  EXPECT_EQ(oid_text(hex("4f")), "1.39");
  EXPECT_EQ(oid_text(hex("883703")), "2.999.3");
  EXPECT_EQ(oid_text(hex("2affffffffffffffff7f")), "1.2.9223372036854775807");
  for (const char* const text : {"", "55ff", "558001", "80", "2a81ffffffffffffffff7f"}) {
    EXPECT_EQ(oid_text(hex(text)), std::nullopt) << text;
  }
  EXPECT_TRUE(oid_text(Bytes(32, 1)));
  EXPECT_FALSE(oid_text(Bytes(33, 1)));
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

TEST(MakeDer, WritesWhatTakeStrictDerReads) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const Bytes bytes = make_der(der_octet_string, {Bytes(size, 0x5A)});
    ByteView rest = bytes;
    const auto element = take_strict_der(rest, der_octet_string);
    ASSERT_TRUE(element);
    EXPECT_EQ(element->content.size(), size);
    EXPECT_EQ(element->whole.size(), bytes.size());
    EXPECT_TRUE(rest.empty());
  }
}

}  // namespace
}  // namespace extreq::crypto
