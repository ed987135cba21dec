#include "guest/retry.hpp"

#include <gtest/gtest.h>

namespace extreq::guest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BusyRetry, DoublesItsWaitsUpToTheLargest) {
  ManualClock clock;
  RetryLimits limits;
  limits.busy_wait_first = milliseconds(10);
  limits.busy_wait_max = milliseconds(35);
  BusyRetry busy(limits, clock);
  Notes notes;
  std::vector<Clock::Duration> waits;
  for (int i = 0; i < 4; ++i) {
    const auto before = clock.now();
    ASSERT_TRUE(busy.wait(notes));
    waits.push_back(clock.now() - before);
  }
  EXPECT_EQ(waits, (std::vector<Clock::Duration>{milliseconds(10), milliseconds(20),
                                                 milliseconds(35), milliseconds(35)}));
  EXPECT_EQ(notes.busy_wait, milliseconds(100));
}

TEST(BusyRetry, NeverWaitsPastTheDeadline) {
  ManualClock clock;
  RetryLimits limits;
  limits.deadline = milliseconds(100);
  limits.busy_wait_first = milliseconds(30);
  limits.busy_wait_max = milliseconds(30);
  BusyRetry busy(limits, clock);
  Notes notes;
  const auto start = clock.now();
  EXPECT_TRUE(busy.wait(notes));
  EXPECT_TRUE(busy.wait(notes));
  EXPECT_TRUE(busy.wait(notes));
  EXPECT_FALSE(busy.wait(notes)) << "10 ms are left for a wait of 30";
  EXPECT_EQ(clock.now() - start, milliseconds(90));
}

TEST(BusyRetry, CountsTheTimeThatTheHostTookAsWell) {
  ManualClock clock;
  RetryLimits limits;
  limits.deadline = seconds(1);
  BusyRetry busy(limits, clock);
  Notes notes;
  clock.advance(seconds(2));
  EXPECT_FALSE(busy.wait(notes));
}

TEST(BusyRetry, EndsAfterItsNumberOfWaitsEvenIfTheClockStandsStill) {
  ManualClock clock;
  RetryLimits limits;
  limits.busy_wait_first = Clock::Duration::zero();
  limits.busy_max = 3;
  BusyRetry busy(limits, clock);
  Notes notes;
  EXPECT_TRUE(busy.wait(notes));
  EXPECT_TRUE(busy.wait(notes));
  EXPECT_TRUE(busy.wait(notes));
  EXPECT_FALSE(busy.wait(notes));
}

TEST(BusyRetry, AStopEndsTheWaiting) {
  ManualClock clock;
  std::stop_source stop;
  BusyRetry busy(RetryLimits{}, clock, stop.get_token());
  Notes notes;
  EXPECT_TRUE(busy.wait(notes));
  stop.request_stop();
  EXPECT_FALSE(busy.wait(notes));
  EXPECT_TRUE(busy.stop_requested());
}

TEST(TableOffer, FollowsAGrowingTableAndKeepsWhatSufficed) {
  RetryLimits limits;
  limits.table_pages_first = 1;
  TableOffer offer(limits, 64);
  Notes notes;
  EXPECT_EQ(offer.pages(), 1U);
  EXPECT_FALSE(offer.grow(2, notes));
  EXPECT_FALSE(offer.grow(5, notes));
  offer.begin();
  EXPECT_EQ(offer.pages(), 5U);
  EXPECT_EQ(notes.table_growths, 2U);
  EXPECT_EQ(notes.pages_wanted, 5U);
}

TEST(TableOffer, RefusesMoreThanTheLimitAndMoreThanThereIs) {
  RetryLimits limits;
  limits.table_pages_max = 8;
  Notes notes;
  EXPECT_EQ(TableOffer(limits, 64).grow(9, notes), NoCertificates::table_too_large);
  EXPECT_EQ(TableOffer(limits, 6).grow(7, notes), NoCertificates::table_too_large);
  EXPECT_EQ(TableOffer(limits, 64).grow(~std::uint64_t{0}, notes), NoCertificates::table_too_large);
  EXPECT_EQ(notes.pages_wanted, ~std::uint64_t{0});
  EXPECT_EQ(notes.table_growths, 0U);
  EXPECT_FALSE(TableOffer(limits, 64).grow(8, notes));
}

TEST(TableOffer, RefusesATableThatGrowsOnceTooOftenInOneCall) {
  RetryLimits limits;
  limits.table_pages_first = 0;
  limits.table_growths_max = 2;
  TableOffer offer(limits, 64);
  Notes notes;
  EXPECT_FALSE(offer.grow(1, notes));
  EXPECT_FALSE(offer.grow(2, notes));
  EXPECT_EQ(offer.grow(3, notes), NoCertificates::table_keeps_growing);
  EXPECT_EQ(offer.pages(), 2U);
  offer.begin();
  EXPECT_FALSE(offer.grow(3, notes));
}

TEST(TableOffer, RefusesALengthThatIsNoMoreThanWhatWasOffered) {
  TableOffer offer(RetryLimits{}, 64);
  Notes notes;
  EXPECT_EQ(offer.grow(0, notes), NoCertificates::absurd_length);
  EXPECT_EQ(offer.grow(offer.pages(), notes), NoCertificates::absurd_length);
}

TEST(TableOffer, NeverOffersMoreThanThereIs) {
  EXPECT_EQ(TableOffer(RetryLimits{}, 2).pages(), 2U);
  EXPECT_EQ(TableOffer(RetryLimits{}, 0).pages(), 0U);
}

}  // namespace
}  // namespace extreq::guest
