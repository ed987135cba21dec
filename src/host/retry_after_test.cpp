#include "host/retry_after.hpp"

#include <string>

#include <gtest/gtest.h>

#include "host/tcb_text.hpp"
#include "host/token_bucket.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

// 1994-11-06T08:49:37Z, RFC 9110's own example.
constexpr std::chrono::sys_seconds example{784111777s};

TEST(RetryAfter, SecondsAreTakenUpToTheLongest) {
  EXPECT_EQ(parse_retry_after("120", example, 900s), 120s);
  EXPECT_EQ(parse_retry_after(" 7\t", example, 900s), 7s);
  EXPECT_EQ(parse_retry_after("0", example, 900s), 0s);
  EXPECT_EQ(parse_retry_after("86400", example, 900s), 900s);
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", example, 900s), 900s);
}

TEST(RetryAfter, ADateOfAnyFormIsComparedWithTheClock) {
  for (const char* const date : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                 "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_retry_after(date, example - 30s, 900s), 30s) << date;
    EXPECT_EQ(parse_retry_after(date, example + 30s, 900s), 0s) << date;
    EXPECT_EQ(parse_retry_after(date, example - 10000s, 900s), 900s) << date;
  }
}

TEST(RetryAfter, AnythingElseIsNone) {
  for (const char* const text : {"", "  ", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37",
                                 "Sun, 06 Nov 1994 08:49:37 GMTx", "120 seconds"}) {
    EXPECT_EQ(parse_retry_after(text, example, 900s), std::nullopt) << text;
  }
  EXPECT_EQ(parse_retry_after(std::string(100'000, ' ') + "x", example, 900s), std::nullopt);
}

TEST(TokenBucket, GivesItsBurstThenOneInEachInterval) {
  ManualClock clock;
  TokenBucket bucket(2, 10s, clock);
  EXPECT_EQ(bucket.take(), 0s);
  EXPECT_EQ(bucket.take(), 0s);
  EXPECT_EQ(bucket.take(), 10s);
  clock.advance(4s);
  EXPECT_EQ(bucket.take(), 6s) << "a refusal costs nothing";
  clock.advance(6s);
  EXPECT_EQ(bucket.take(), 0s);
  EXPECT_EQ(bucket.take(), 10s);
  clock.advance(1h);
  EXPECT_EQ(bucket.take(), 0s);
  EXPECT_EQ(bucket.take(), 0s);
  EXPECT_GT(bucket.take(), 0s) << "no more than the burst is saved up";
}

TEST(TokenBucket, AnIntervalOfZeroIsNoLimit) {
  ManualClock clock;
  TokenBucket bucket(1, 0s, clock);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bucket.take(), 0s);
}

TEST(TcbText, ReadsComponentsAndNumbers) {
  using attestation::Product;
  using attestation::Tcb;
  const Tcb milan{std::nullopt, 4, 0, 22, 213};
  const Tcb turin{1, 4, 0, 22, 213};
  EXPECT_EQ(parse_tcb("bl=4,tee=0,snp=22,ucode=213", Product::milan).value(), milan);
  EXPECT_EQ(parse_tcb("ucode=213,snp=22,bl=4,tee=0", Product::genoa).value(), milan);
  EXPECT_EQ(parse_tcb("0xd516000000000004", Product::milan).value(), milan);
  EXPECT_EQ(parse_tcb("fmc=1,bl=4,tee=0,snp=22,ucode=213", Product::turin).value(), turin);
  EXPECT_EQ(parse_tcb("0xd500000016000401", Product::turin).value(), turin);
}

TEST(TcbText, RefusesWhatIsNotWholeOrNotTheProducts) {
  using attestation::Product;
  for (const char* const text :
       {"", "bl=4", "bl=4,tee=0,snp=22,ucode=256", "bl=4,tee=0,snp=22,ucode=", "bl=4,tee=0,snp=22",
        "bl=4,bl=4,tee=0,snp=22,ucode=1", "fmc=1,bl=4,tee=0,snp=22,ucode=213", "0x", "0xzz",
        "0xd516000000010004", "0x1d516000000000004", "bl,tee=0,snp=22,ucode=1"}) {
    const auto tcb = parse_tcb(text, Product::milan);
    ASSERT_FALSE(tcb) << text;
    EXPECT_EQ(tcb.error().code, Code::invalid_input) << text;
  }
  EXPECT_FALSE(parse_tcb("bl=4,tee=0,snp=22,ucode=213", Product::turin));
}

}  // namespace
}  // namespace extreq::host
