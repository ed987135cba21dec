#include "abi/snp_status_name.hpp"

#include <set>

#include <gtest/gtest.h>

namespace extreq::abi::snp {
namespace {

TEST(SnpStatusName, EachCodeOfTheDocumentHasItsOwnName) {
  std::set<std::string_view> names;
  for (std::uint32_t code = 0; code <= 0x27; ++code) {
    const std::string_view text = name(static_cast<Status>(code));
    if (code == 0x1E) {
      EXPECT_EQ(text, "unknown status");  // the one gap in the list
      continue;
    }
    EXPECT_NE(text, "unknown status") << code;
    EXPECT_TRUE(names.insert(text).second) << text << " stands for two codes";
  }
}

TEST(SnpStatusName, TheCodesThatUsersMeetMostAreNamedRight) {
  EXPECT_EQ(name(static_cast<Status>(0x00)), "success");
  EXPECT_EQ(name(static_cast<Status>(0x16)), "invalid parameter");
  EXPECT_EQ(name(static_cast<Status>(0x1D)), "AEAD overflow (sequence number)");
  EXPECT_EQ(name(static_cast<Status>(0x27)), "invalid key");
}

TEST(SnpStatusName, CodesOutsideTheListAreUnknownAndDoNoHarm) {
  EXPECT_EQ(name(static_cast<Status>(0x28)), "unknown status");
  EXPECT_EQ(name(static_cast<Status>(0xFFFFFFFF)), "unknown status");
}

}  // namespace
}  // namespace extreq::abi::snp
