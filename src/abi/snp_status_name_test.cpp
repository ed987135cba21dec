#include "abi/snp_status_name.hpp"

#include <set>

#include <gtest/gtest.h>

namespace extreq::abi::snp {
namespace {

TEST(SnpStatusName, EachCodeOfTheDocumentHasItsOwnName) {
  std::set<std::string_view> names;
  for (std::uint32_t code = 0; code <= 0x3F; ++code) {
    const std::string_view text = name(static_cast<CommandStatus>(code));
    if (code == 0x1E || (code > 0x28 && code < 0x30) || code == 0x34) {
      EXPECT_EQ(text, "unknown status") << "a gap in the list: " << code;
      continue;
    }
    EXPECT_NE(text, "unknown status") << code;
    EXPECT_TRUE(names.insert(text).second) << text << " stands for two codes";
  }
}

TEST(SnpStatusName, TheCodesThatUsersMeetMostAreNamedRight) {
  EXPECT_EQ(name(static_cast<CommandStatus>(0x00)), "success");
  EXPECT_EQ(name(static_cast<CommandStatus>(0x16)), "invalid parameter");
  EXPECT_EQ(name(static_cast<CommandStatus>(0x1D)), "AEAD overflow (sequence number)");
  EXPECT_EQ(name(static_cast<CommandStatus>(0x27)), "invalid key");
  EXPECT_EQ(name(static_cast<CommandStatus>(0x3A)), "in use");
}

TEST(SnpStatusName, CodesOutsideTheListAreUnknownAndDoNoHarm) {
  EXPECT_EQ(name(static_cast<CommandStatus>(0x40)), "unknown status");
  EXPECT_EQ(name(static_cast<CommandStatus>(0xFFFFFFFF)), "unknown status");
}

}  // namespace
}  // namespace extreq::abi::snp
