#include "lease/table_shape.hpp"

#include <gtest/gtest.h>

#include "base/byte_builder.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

using abi::ghcb::certificate_table::Entry;

Entry entry(std::uint32_t offset, std::uint32_t length) {
  Entry result;
  result.guid = abi::ghcb::certificate_table::guid_ark;
  result.offset = offset;
  result.length = length;
  return result;
}

Code code_of(const Bytes& table) {
  const Status status = check_table_shape(table);
  return status ? Code::closed : status.error().code;
}

TEST(TableShape, NoBytesAndTheEndOfATableAreEmptyTables) {
  EXPECT_TRUE(is_empty_table({}));
  EXPECT_TRUE(is_empty_table(Bytes(24, 0)));
  EXPECT_TRUE(is_empty_table(Bytes(4096, 0)));
  EXPECT_TRUE(check_table_shape(Bytes(24, 0)));
  Bytes behind_the_end(100, 0xFF);
  std::fill_n(behind_the_end.begin(), 24, std::uint8_t{0});
  EXPECT_TRUE(is_empty_table(behind_the_end));
  EXPECT_TRUE(check_table_shape(behind_the_end));
}

TEST(TableShape, ATableIsNotEmptyAndWhole) {
  const Bytes table = test::table_of(7, 3000);
  EXPECT_FALSE(is_empty_table(table));
  EXPECT_TRUE(check_table_shape(table));
}

TEST(TableShape, EveryCutOfATableIsRefused) {
  const Bytes table = test::table_of(7, 100);
  for (std::size_t size = 1; size < table.size(); ++size) {
    EXPECT_FALSE(check_table_shape(ByteView(table).first(size))) << size;
  }
}

TEST(TableShape, FewerZerosThanAnEntryAreNoTable) {
  EXPECT_FALSE(is_empty_table(Bytes(23, 0)));
  EXPECT_EQ(code_of(Bytes(23, 0)), Code::invalid_input);
}

TEST(TableShape, AnEndThatWraps32BitsIsRefused) {
  const Bytes table =
      ByteBuilder().object(entry(0xFFFFFFFF, 0xFFFFFFFF)).zeros(sizeof(Entry)).take();
  EXPECT_EQ(code_of(table), Code::invalid_input);
  const Bytes wrapped_into_the_table =
      ByteBuilder().object(entry(0xFFFFFFFF, 48)).zeros(sizeof(Entry)).take();
  EXPECT_EQ(code_of(wrapped_into_the_table), Code::invalid_input);
}

TEST(TableShape, DataInsideTheEntriesAreRefused) {
  const Bytes inside = ByteBuilder().object(entry(47, 1)).zeros(sizeof(Entry)).zeros(8).take();
  EXPECT_EQ(code_of(inside), Code::invalid_input);
  const Bytes behind = ByteBuilder().object(entry(48, 8)).zeros(sizeof(Entry)).zeros(8).take();
  EXPECT_TRUE(check_table_shape(behind));
}

TEST(TableShape, EntriesWithoutAnEndAreRefused) {
  ByteBuilder builder;
  for (int i = 0; i < 100; ++i) builder.object(entry(2400, 0));
  EXPECT_EQ(code_of(builder.take()), Code::invalid_input);
}

}  // namespace
}  // namespace extreq::lease
