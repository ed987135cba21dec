#include "machine/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "lease/memory_source.hpp"
#include "machine/exit_name.hpp"
#include "machine/traced.hpp"

namespace extreq::machine {
namespace {

using nlohmann::json;
using testing::HasSubstr;
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

  // The events that are no names of tracks.
  json events() {
    EXPECT_TRUE(trace_->finish());
    const Bytes raw = read_file(path()).value();
    json spans = json::array();
    for (const auto& event : json::parse(raw.begin(), raw.end())) {
      if (event["ph"] == "X") spans.push_back(event);
    }
    return spans;
  }

  ManualClock clock_;
  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<Trace> trace_;
};

TEST_F(TraceTest, ASpanHasItsTimesInMicroseconds) {
  clock_.advance(2ms);
  const auto start = trace_->now();
  clock_.advance(1500us);
  trace_->span(Trace::Track::processor, "PVALIDATE", start, "at 0x1000");
  const json spans = events();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0]["name"], "PVALIDATE");
  EXPECT_EQ(spans[0]["ts"], 2000.0);
  EXPECT_EQ(spans[0]["dur"], 1500.0);
  EXPECT_EQ(spans[0]["args"]["detail"], "at 0x1000");
}

TEST_F(TraceTest, AnyTextLeavesTheFileReadable) {
  trace_->span(Trace::Track::guest, "quote \" and \xFF", trace_->now(), "\n\t\\");
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(TraceTest, AnEmptyTraceIsReadableToo) { EXPECT_TRUE(events().empty()); }

TEST_F(TraceTest, AFileThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(Trace::create(folder_->path() + "/no/trace").error().code, Code::io);
}

class OneRequest final : public firmware::GuestRequests {
 public:
  explicit OneRequest(ManualClock& clock) noexcept : clock_(clock) {}
  Result<abi::snp::Status> guest_request(firmware::GuestHandle /*guest*/,
                                         std::span<const std::uint8_t, 4096> /*request*/,
                                         std::span<std::uint8_t, 4096> /*response*/) override {
    clock_.advance(3ms);
    return abi::snp::Status::invalid_param;
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
            abi::snp::Status::invalid_param);
  const json spans = events();
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0]["name"], "message type 5");
  EXPECT_EQ(spans[0]["dur"], 3000.0);
  EXPECT_EQ(spans[0]["args"]["detail"], "msg_seqno 9, status 0x16");
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
  const json spans = events();
  ASSERT_EQ(spans.size(), 4U);
  EXPECT_EQ(spans[1]["name"], "lease");
  EXPECT_EQ(spans[1]["dur"], 7000.0);
  EXPECT_EQ(spans[1]["args"]["detail"], "100 bytes");
  EXPECT_EQ(spans[3]["dur"], 1000.0);
}

TEST(ExitName, NamesRequestsAndEvents) {
  namespace ghcb = abi::ghcb;
  Bytes bytes(2 * ghcb::page_size);
  hypervisor::GuestMemory memory;
  ASSERT_TRUE(memory.add_region(0, bytes, hypervisor::PageState::shared));
  ASSERT_TRUE(memory.set_state(0, 1, hypervisor::PageState::private_page));
  const Bytes code = ByteBuilder().u64(ghcb::event::extended_guest_request).take();
  ASSERT_TRUE(memory.write(ghcb::page_size + ghcb::offset::sw_exitcode, code));
  EXPECT_EQ(exit_name(ghcb::page_size, memory), "extended guest request");
  const Bytes answer = ByteBuilder().u64(0).u64(std::uint64_t{1} << 32U).take();
  ASSERT_TRUE(memory.write(ghcb::page_size + ghcb::offset::sw_exitinfo1, answer));
  EXPECT_EQ(exit_answer(ghcb::page_size, memory), "SW_EXITINFO1 0x0, SW_EXITINFO2 0x100000000");
  EXPECT_EQ(exit_answer(0, memory), "");
  EXPECT_EQ(exit_name(0, memory), "GHCB that is not shared");
  EXPECT_EQ(exit_name(ghcb::msr::info_sev_info_request, memory), "SEV information");
  EXPECT_EQ(exit_name(0x5FE, memory), "MSR request 0x5fe");
}

}  // namespace
}  // namespace extreq::machine
