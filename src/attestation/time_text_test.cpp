#include "attestation/time_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::attestation {
namespace {

std::chrono::sys_seconds seconds(std::int64_t count) {
  return std::chrono::sys_seconds(std::chrono::seconds(count));
}

TEST(Rfc3339, WritesUtc) {
  EXPECT_EQ(to_rfc3339(seconds(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(seconds(1'700'000'000)), "2023-11-14T22:13:20Z");
  EXPECT_EQ(to_rfc3339(seconds(-1)), "1969-12-31T23:59:59Z");
}

TEST(Rfc3339, ReadsTheFormsThatItAllows) {
  EXPECT_EQ(from_rfc3339("2023-11-14T22:13:20Z"), seconds(1'700'000'000));
  EXPECT_EQ(from_rfc3339("2023-11-14t22:13:20z"), seconds(1'700'000'000));
  EXPECT_EQ(from_rfc3339("2023-11-14T22:13:20.999Z"), seconds(1'700'000'000));
  EXPECT_EQ(from_rfc3339("2023-11-15T00:13:20+02:00"), seconds(1'700'000'000));
  EXPECT_EQ(from_rfc3339("2023-11-14T16:43:20-05:30"), seconds(1'700'000'000));
  EXPECT_EQ(from_rfc3339("2024-02-29T00:00:00Z"), seconds(1'709'164'800));
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2023-11-14",
                                      "2023-11-14T22:13:20",
                                      "2023-11-14 22:13:20Z",
                                      "2023-11-14T22:13Z",
                                      "2023-11-14T22:13:20.Z",
                                      "2023-11-14T22:13:20ZZ",
                                      "2023-02-29T00:00:00Z",
                                      "2023-13-01T00:00:00Z",
                                      "2023-00-01T00:00:00Z",
                                      "2023-11-14T24:00:00Z",
                                      "2023-11-14T22:60:00Z",
                                      "2023-11-14T22:13:60Z",
                                      "2023-11-14T22:13:20+24:00",
                                      "2023-11-14T22:13:20+01:60",
                                      "2023-11-14T22:13:20+01",
                                      "+2023-11-14T22:13:20Z",
                                      "2023-1-14T22:13:20Z",
                                      "20231114T221320Z"}) {
    EXPECT_FALSE(from_rfc3339(text)) << text;
  }
  EXPECT_THAT(from_rfc3339("now").error().message, testing::HasSubstr("\"now\""));
  EXPECT_THAT(from_rfc3339("\x1b[2J").error().message, testing::HasSubstr("\"?[2J\""));
}

}  // namespace
}  // namespace extreq::attestation
