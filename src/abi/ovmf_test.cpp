#include "abi/ovmf.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace extreq::abi::ovmf {
namespace {

// A GUID's text as it stands in memory: the first three fields little-endian.
Guid in_memory(std::string_view text) {
  constexpr std::array<std::size_t, 16> order{6,  4,  2,  0,  11, 9,  16, 14,
                                              19, 21, 24, 26, 28, 30, 32, 34};
  Guid guid{};
  for (std::size_t i = 0; i < guid.size(); ++i) {
    guid.at(i) = static_cast<U8>(std::stoi(std::string(text.substr(order.at(i), 2)), nullptr, 16));
  }
  return guid;
}

TEST(Ovmf, GuidsStandInMemoryAsTheirTextSays) {
  EXPECT_EQ(guid_footer, in_memory("96b582de-1fb2-45f7-baea-a366c55a082d"));
  EXPECT_EQ(guid_hash_table_area, in_memory("7255371f-3a3b-4b04-927b-1da6efa8d454"));
  EXPECT_EQ(guid_reset_block, in_memory("00f771de-1a7e-4fcb-890e-68c77e2fb44e"));
  EXPECT_EQ(guid_sev_metadata, in_memory("dc886566-984a-4798-a75e-5585a7bf67cc"));
  EXPECT_EQ(guid_hash_table, in_memory("9438d606-4f22-4cc9-b479-a793d411fd21"));
  EXPECT_EQ(guid_command_line, in_memory("97d02dd8-bd20-4c94-aa78-e7714d36ab2a"));
  EXPECT_EQ(guid_initrd, in_memory("44baf731-3a2f-4bd7-9af1-41e29169781d"));
  EXPECT_EQ(guid_kernel, in_memory("4de79437-abd2-427f-b835-d5b172d2045b"));
}

}  // namespace
}  // namespace extreq::abi::ovmf
