#include "host/self_report.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

namespace extreq::host {
namespace {

using namespace std::chrono_literals;

class SelfReportTest : public testing::Test {
 protected:
  static HostReport report(std::uint8_t microcode) {
    return {attestation::Product::milan,
            Bytes(64, 1),
            {std::nullopt, 4, 0, 22, microcode},
            {std::nullopt, 4, 0, 22, 255}};
  }
  Status send(const HostReport& report) {
    std::unique_lock lock(mutex_);
    sent_.push_back(report);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    return answer_;
  }
  // Offers until the report that is under way is over: the thread's end is seen at the next offer.
  Status offer_and_wait(const HostReport& now, std::size_t wanted) {
    Status last = self_.offer(now);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sent_.size() >= wanted; });
    return last;
  }
  std::size_t sent() {
    const std::lock_guard lock(mutex_);
    return sent_.size();
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // Until the failure or success of the last report was collected, nothing new is sent.
  Status collected(const HostReport& same) {
    Status last;
    for (const auto end = std::chrono::steady_clock::now() + 60s;
         last && std::chrono::steady_clock::now() < end;) {
      last = self_.offer(same);
    }
    return last;
  }

  ManualClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<HostReport> sent_;
  bool held_ = false;
  Status answer_;
  SelfReport self_{[this](const HostReport& report) { return send(report); }, {.clock = &clock_}};
};

TEST_F(SelfReportTest, ItIsSentAtTheStartAndOnceInAnInterval) {
  EXPECT_TRUE(offer_and_wait(report(1), 1));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(self_.offer(report(1)));
  EXPECT_EQ(sent(), 1U);
  while (sent() < 2) {  // the first one's end is noticed at some offer; the interval starts there
    clock_.advance(1h);
    EXPECT_TRUE(self_.offer(report(1)));
    std::this_thread::yield();
  }
  EXPECT_EQ(sent(), 2U);
}

TEST_F(SelfReportTest, AChangeIsSentWithoutWaiting) {
  EXPECT_TRUE(offer_and_wait(report(1), 1));
  while (sent() < 2) EXPECT_TRUE(self_.offer(report(2)));
  EXPECT_EQ(sent_.back(), report(2));
}

TEST_F(SelfReportTest, AMirrorThatDoesNotAnswerHoldsNobodyUp) {
  hold(true);
  EXPECT_TRUE(offer_and_wait(report(1), 1));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(self_.offer(report(2)));
  EXPECT_EQ(sent(), 1U) << "one at a time";
  hold(false);
  while (sent() < 2) EXPECT_TRUE(self_.offer(report(2)));
}

TEST_F(SelfReportTest, AFailureIsToldOnceAndTriedAgainAfterAPause) {
  answer_ = fail(Code::io, "no route");
  EXPECT_TRUE(offer_and_wait(report(1), 1));
  const Status failed = collected(report(1));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no route");
  clock_.advance(29s);
  EXPECT_TRUE(self_.offer(report(2))) << "news waits too";
  EXPECT_EQ(sent(), 1U);
  clock_.advance(1s);
  EXPECT_TRUE(offer_and_wait(report(2), 2));
  EXPECT_FALSE(collected(report(2)));
  clock_.advance(59s);
  EXPECT_TRUE(self_.offer(report(2)));
  EXPECT_EQ(sent(), 2U);
  clock_.advance(1s);
  EXPECT_TRUE(offer_and_wait(report(2), 3));
}

TEST(HostReportUrl, ATokenIsToldOverTlsOrToThisMachineOnly) {
  EXPECT_EQ(host_report_url("https://mirror.example/kds/").value(),
            "https://mirror.example/kds/fleet/v1/hosts");
  EXPECT_EQ(host_report_url("http://127.0.0.1:8010").value(),
            "http://127.0.0.1:8010/fleet/v1/hosts");
  for (const char* wrong : {"http://mirror.example", "http://127.0.0.1.example", "mirror.example",
                            "ftp://mirror.example", "", "http://localhost:1@mirror.example"}) {
    EXPECT_FALSE(host_report_url(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace extreq::host
