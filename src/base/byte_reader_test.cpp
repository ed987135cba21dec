#include "base/byte_reader.hpp"

#include <gtest/gtest.h>

#include "base/byte_builder.hpp"

namespace extreq {
namespace {

TEST(ByteReader, ReadsWhatTheBuilderWroteLittleEndian) {
  ByteBuilder builder;
  builder.u8(0x01).u16(0x0302).u32(0x07060504).u64(0x0F0E0D0C0B0A0908).zeros(2).bytes(Bytes{9});
  const Bytes bytes = builder.take();
  ASSERT_EQ(bytes.size(), 18U);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(bytes[i], i + 1);

  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0302);
  EXPECT_EQ(reader.u32(), 0x07060504U);
  EXPECT_EQ(reader.u64(), 0x0F0E0D0C0B0A0908U);
  EXPECT_TRUE(reader.skip(2));
  EXPECT_EQ(reader.u8(), 9);
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, AReadThatFailsMovesNothing) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_FALSE(reader.u32());
  EXPECT_FALSE(reader.u64());
  EXPECT_FALSE(reader.view(4));
  EXPECT_FALSE(reader.skip(SIZE_MAX));
  EXPECT_FALSE((reader.object<std::array<std::uint8_t, 4>>()));
  EXPECT_EQ(reader.position(), 0U);
  EXPECT_EQ(reader.u16(), 0x0201);
  EXPECT_FALSE(reader.u16());
  EXPECT_EQ(reader.remaining(), 1U);
}

TEST(ByteReader, AnEmptyViewHasNothingToRead) {
  ByteReader reader(ByteView{});
  EXPECT_FALSE(reader.u8());
  EXPECT_TRUE(reader.view(0));
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, ObjectsAreCopiedWhole) {
  const Bytes bytes{1, 2, 3, 4, 5};
  ByteReader reader(bytes);
  const auto object = reader.object<std::array<std::uint8_t, 4>>();
  ASSERT_TRUE(object);
  EXPECT_EQ((*object)[3], 4);
  EXPECT_EQ(reader.remaining(), 1U);
}

TEST(ByteBuilder, TakeLeavesTheBuilderEmpty) {
  ByteBuilder builder(8);
  builder.object(std::array<std::uint8_t, 2>{7, 8});
  EXPECT_EQ(builder.size(), 2U);
  EXPECT_EQ(builder.take(), (Bytes{7, 8}));
  EXPECT_EQ(builder.size(), 0U);
  EXPECT_TRUE(builder.view().empty());
}

}  // namespace
}  // namespace extreq
