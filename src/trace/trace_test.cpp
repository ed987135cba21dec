#include "trace/trace.hpp"

#include <algorithm>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "lease/memory_source.hpp"
#include "trace/traced_ports.hpp"

namespace extreq::trace {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::Pair;
using namespace std::chrono_literals;

class TraceTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create("trace");
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    auto trace = Trace::create(path(), clock_);
    ASSERT_TRUE(trace);
    trace_ = *std::move(trace);
  }
  std::string path() const { return folder_->path() + "/trace.json"; }

  json spans() {
    EXPECT_TRUE(trace_->finish());
    const Bytes raw = read_file(path()).value();
    json found = json::array();
    for (const auto& event : json::parse(raw.begin(), raw.end())) {
      if (event["ph"] == "X") found.push_back(event);
    }
    return found;
  }

  ManualClock clock_;
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<Trace> trace_;
};

TEST_F(TraceTest, ASpanHasItsTimesInMicroseconds) {
  clock_.advance(2ms);
  const auto start = trace_->now();
  clock_.advance(1500us);
  trace_->span("processor", "PVALIDATE", start, "at 0x1000");
  const json events = spans();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["name"], "PVALIDATE");
  EXPECT_EQ(events[0]["ts"], 2000.0);
  EXPECT_EQ(events[0]["dur"], 1500.0);
  EXPECT_EQ(events[0]["args"]["detail"], "at 0x1000");
}

TEST_F(TraceTest, AnyTextLeavesTheFileReadable) {
  trace_->span("guest", "quote \" and \xFF", trace_->now(), "\n\t\\");
  EXPECT_EQ(spans().size(), 1U);
}

TEST_F(TraceTest, ATrackHasItsNameOnceAndItsSpansItsNumber) {
  for (const char* track : {"guest", "VMM", "guest"}) trace_->span(track, "work", trace_->now());
  EXPECT_TRUE(trace_->finish());
  const Bytes raw = read_file(path()).value();
  std::vector<std::pair<int, std::string>> names;
  std::vector<int> spans;
  for (const auto& event : json::parse(raw.begin(), raw.end())) {
    if (event["name"] == "thread_name") names.emplace_back(event["tid"], event["args"]["name"]);
    if (event["ph"] == "X") spans.push_back(event["tid"]);
  }
  EXPECT_THAT(names, ElementsAre(Pair(0, "guest"), Pair(1, "VMM")));
  EXPECT_THAT(spans, ElementsAre(0, 1, 0));
}

TEST_F(TraceTest, SpansFromAllThreadsAreWhole) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < 100; ++n) trace_->span("thread " + std::to_string(i), "work", {});
    });
  }
  threads.clear();
  EXPECT_EQ(spans().size(), 400U);
}

TEST_F(TraceTest, SpansAboveTheLimitAreCountedAtTheEndAndNotWritten) {
  for (std::uint64_t i = 0; i < Trace::spans_max + 3; ++i) trace_->span("t", "s", {});
  EXPECT_TRUE(trace_->finish());
  const Bytes raw = read_file(path(), 64U << 20U).value();
  EXPECT_EQ(std::count(raw.begin(), raw.end(), '\n'), Trace::spans_max + 4)
      << "a line each: the process, the track's name and its place, the spans, the last word";
  EXPECT_NE(std::string(raw.begin(), raw.end()).find("3 more spans are not in this file"),
            std::string::npos);
}

TEST_F(TraceTest, AnEmptyTraceIsReadableToo) { EXPECT_TRUE(spans().empty()); }

TEST_F(TraceTest, AFileThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(Trace::create(folder_->path() + "/no/trace").error().code, Code::io);
}

class OneRequest final : public firmware::GuestRequests {
 public:
  explicit OneRequest(ManualClock& clock) noexcept : clock_(clock) {}
  Result<abi::snp::CommandStatus> guest_request(
      firmware::GuestHandle /*guest*/, std::span<const std::uint8_t, 4096> /*request*/,
      std::span<std::uint8_t, 4096> /*response*/) override {
    clock_.advance(3ms);
    return abi::snp::CommandStatus::invalid_param;
  }

 private:
  ManualClock& clock_;
};

TEST_F(TraceTest, ARequestIsShownWithItsTypeNumberAndStatus) {
  OneRequest real(clock_);
  TracedRequests traced(real, *trace_);
  std::array<std::uint8_t, 4096> request{};
  request[offsetof(abi::snp::MessageHeader, msg_type)] = 5;
  request[offsetof(abi::snp::MessageHeader, msg_seqno)] = 9;
  std::array<std::uint8_t, 4096> response{};
  EXPECT_EQ(traced.guest_request(firmware::GuestHandle{1}, request, response).value(),
            abi::snp::CommandStatus::invalid_param);
  const json events = spans();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["name"], "message type 5");
  EXPECT_EQ(events[0]["dur"], 3000.0);
  EXPECT_EQ(events[0]["args"]["detail"], "msg_seqno 9, status 0x16");
}

TEST_F(TraceTest, ALeaseIsShownFromItsStartToItsEnd) {
  lease::MemorySource real(Bytes(100, 1));
  TracedSource traced(real, *trace_);
  {
    const auto holder = traced.open_holder().value();
    ASSERT_TRUE(holder->acquire({}));
    EXPECT_TRUE(holder->held());
    clock_.advance(7ms);
    holder->release();
    holder->release();
    ASSERT_TRUE(holder->acquire({}));
    clock_.advance(1ms);
  }
  const json events = spans();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[1]["name"], "lease");
  EXPECT_EQ(events[1]["dur"], 7000.0);
  EXPECT_EQ(events[1]["args"]["detail"], "100 bytes");
  EXPECT_EQ(events[3]["dur"], 1000.0);
}

}  // namespace
}  // namespace extreq::trace
