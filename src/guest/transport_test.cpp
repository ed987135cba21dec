#include "guest/transport.hpp"

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
