#include "abi/linux_secrets.hpp"

#include "abi/layout_test.hpp"

namespace extreq::abi::linux_secrets {
namespace {

TEST(LinuxSecrets, TheAreaIsLaidOutAsLinuxUsesIt) {
  EXPECT_EQ(os_area_offset, 0xA0U);
  EXPECT_EQ(sizeof(OsArea), 96U);
  expect_places({
      {"msg_seqno_0", place(&OsArea::msg_seqno_0), {0x00, 4}},
      {"msg_seqno_1", place(&OsArea::msg_seqno_1), {0x04, 4}},
      {"msg_seqno_2", place(&OsArea::msg_seqno_2), {0x08, 4}},
      {"msg_seqno_3", place(&OsArea::msg_seqno_3), {0x0C, 4}},
      {"ap_jump_table_pa", place(&OsArea::ap_jump_table_pa), {0x10, 8}},
      {"reserved", place(&OsArea::reserved), {0x18, 40}},
      {"guest_usage", place(&OsArea::guest_usage), {0x40, 32}},
  });
}

}  // namespace
}  // namespace extreq::abi::linux_secrets
