#include "guest/transport.hpp"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace extreq::guest {
namespace {

TEST(Notes, SayInOneLineHowARequestWent) {
  Notes notes;
  notes.sends = 3;
  notes.busy = 1;
  notes.busy_wait = std::chrono::milliseconds(10);
  EXPECT_EQ(to_text(notes), "3 sends, 1 busy (10 ms), 0 table growths");
  notes.table_growths = 1;
  notes.pages_wanted = 70;
  notes.no_certificates = NoCertificates::table_too_large;
  EXPECT_EQ(to_text(notes),
            "3 sends, 1 busy (10 ms), 1 table growths, 70 pages wanted; no certificates: the "
            "host's table is larger than the limit");
}

TEST(Notes, ABufferThatIsTooSmallIsToldInBytesWithTheDriversErrno) {
  EXPECT_EQ(
      to_text(TooSmall{0, 2, EIO}),
      "VMM error 0x1 (buffer too small): the table needs 8192 bytes, 0 bytes were offered; the "
      "driver's errno: 5 (Input/output error)");
  EXPECT_EQ(to_text(TooSmall{4, 1ULL << 52U, 0}),
            "VMM error 0x1 (buffer too small): the table needs 0x10000000000000 pages, 16384 bytes "
            "were offered");
}

TEST(Notes, EachReasonHasWordsOfItsOwn) {
  std::set<std::string_view> words;
  for (const auto why : {NoCertificates::host_has_none, NoCertificates::not_supported,
                         NoCertificates::table_too_large, NoCertificates::table_keeps_growing,
                         NoCertificates::absurd_length}) {
    words.insert(to_text(why));
  }
  EXPECT_EQ(words.size(), 5U);
  EXPECT_FALSE(words.contains(""));
}

}  // namespace
}  // namespace extreq::guest
