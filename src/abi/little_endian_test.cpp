#include "abi/little_endian.hpp"

#include <cstring>
#include <limits>
#include <type_traits>

#include <gtest/gtest.h>

namespace extreq::abi {
namespace {

template <class U>
std::array<std::uint8_t, sizeof(U)> bytes_of(Le<U> value) {
  std::array<std::uint8_t, sizeof(U)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

TEST(LittleEndian, StoresTheLeastSignificantByteFirst) {
  EXPECT_EQ(bytes_of<std::uint16_t>(Le16{0x0201}), (ByteArray<2>{1, 2}));
  EXPECT_EQ(bytes_of<std::uint32_t>(Le32{0x04030201}), (ByteArray<4>{1, 2, 3, 4}));
  EXPECT_EQ(bytes_of<std::uint64_t>(Le64{0x0807060504030201}),
            (ByteArray<8>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(LittleEndian, ReadsForeignBytesAsTheFormatMeansThem) {
  const ByteArray<8> bytes{0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01};
  Le64 value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  EXPECT_EQ(value.get(), 0x0123456789ABCDEFU);
}

TEST(LittleEndian, GivesBackEveryBoundaryValue) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x80}, std::uint64_t{0xFF},
        std::uint64_t{0x8000000000000000}, std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(Le64{value}.get(), value);
    EXPECT_EQ(Le32{static_cast<std::uint32_t>(value)}.get(), static_cast<std::uint32_t>(value));
    EXPECT_EQ(Le16{static_cast<std::uint16_t>(value)}.get(), static_cast<std::uint16_t>(value));
  }
}

TEST(LittleEndian, IsAssignedAndComparedLikeAnInteger) {
  Le32 value;
  EXPECT_EQ(value, 0U);
  value = 0xDEADBEEF;
  const std::uint32_t copy = value;
  EXPECT_EQ(copy, 0xDEADBEEFU);
  EXPECT_TRUE(value == 0xDEADBEEFU);
  EXPECT_FALSE(value == 0xDEADBEEEU);
}

TEST(LittleEndian, NeedsNoAlignmentAndNoConstructor) {
  EXPECT_EQ(alignof(Le64), 1U);
  EXPECT_EQ(sizeof(Le64), 8U);
  EXPECT_TRUE(std::is_trivially_copyable_v<Le64>);
  EXPECT_TRUE(std::is_standard_layout_v<Le64>);
}

TEST(LittleEndian, IsKnownAtCompileTime) {
  static_assert(Le16{0xABCD}.get() == 0xABCD);
  static_assert(Le64{0xFFFFFFFFFFFFFFFF} == 0xFFFFFFFFFFFFFFFF);
  EXPECT_EQ(Le64{}.get(), 0U);
}

}  // namespace
}  // namespace extreq::abi
