#include "machine/cpio.hpp"

#include <gtest/gtest.h>

namespace extreq::machine {
namespace {

std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

TEST(CpioArchive, AFileIsAHeaderOf110DigitsItsPathAndItsContentEachPaddedTo4Bytes) {
  CpioArchive archive;
  archive.add_file("a", to_bytes("hello"), 0644);
  const std::string bytes = text(archive.finish());
  EXPECT_EQ(bytes.substr(0, 14), "07070100000001");
  EXPECT_EQ(bytes.substr(14, 8), "000081A4");         // a file, mode 644
  EXPECT_EQ(bytes.substr(6 + 8 * 6, 8), "00000005");  // its size
  EXPECT_EQ(bytes.substr(110, 2), std::string("a\0", 2));
  EXPECT_EQ(bytes.substr(112, 8), std::string("hello\0\0\0", 8));
}

TEST(CpioArchive, EndsWithATrailer) {
  CpioArchive archive;
  archive.add_directory("dev");
  EXPECT_NE(text(archive.finish()).find("TRAILER!!!"), std::string::npos);
}

TEST(CpioArchive, TheSameContentGivesTheSameBytes) {
  const auto make = [] {
    CpioArchive archive;
    archive.add_directory("bin");
    archive.add_symlink("bin/sh", "busybox");
    archive.add_character_device("dev/console", 5, 1);
    return archive.finish();
  };
  EXPECT_EQ(make(), make());
}

TEST(CpioArchive, IsEmptyAgainAfterItWasFinished) {
  CpioArchive archive;
  const Bytes empty = archive.finish();
  archive.add_file("a", {});
  static_cast<void>(archive.finish());
  EXPECT_EQ(archive.finish(), empty);
}

}  // namespace
}  // namespace extreq::machine
