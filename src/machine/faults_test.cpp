#include "machine/faults.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lease/memory_source.hpp"

namespace extreq::machine {
namespace {

// A firmware whose response is one byte, another for each request.
class Counting final : public firmware::GuestRequests {
 public:
  Result<abi::snp::CommandStatus> guest_request(firmware::GuestHandle /*guest*/,
                                                std::span<const std::uint8_t, 4096> /*request*/,
                                                std::span<std::uint8_t, 4096> response) override {
    std::fill(response.begin(), response.end(), ++requests);
    return abi::snp::CommandStatus::success;
  }
  std::uint8_t requests = 0x10;
};

class FaultsTest : public testing::Test {
 protected:
  // The first byte of the response, or 0 without one.
  std::uint8_t ask() {
    const std::array<std::uint8_t, 4096> request{};
    std::array<std::uint8_t, 4096> response{};
    status_ = faulty_.guest_request(firmware::GuestHandle{1}, request, response).value();
    return response[0];
  }
  void arrange(std::string_view text) { script_.add(parse_fault(text).value()); }

  Counting real_;
  FaultScript script_;
  FaultyRequests faulty_{real_, script_};
  abi::snp::CommandStatus status_{};
};

TEST_F(FaultsTest, AStatusComesSoOftenAsItSaysAndTheFirmwareIsNotAsked) {
  arrange("status=0x16*2");
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(status_, abi::snp::CommandStatus::invalid_param);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(ask(), 0x11);
  EXPECT_EQ(status_, abi::snp::CommandStatus::success);
}

TEST_F(FaultsTest, AFlippedTagDiffersInOneBit) {
  arrange("flip-tag");
  EXPECT_EQ(ask(), 0x10);
  EXPECT_EQ(ask(), 0x12);
}

TEST_F(FaultsTest, AReplayIsTheResponseBefore) {
  EXPECT_EQ(ask(), 0x11);
  arrange("replay");
  EXPECT_EQ(ask(), 0x11);
  EXPECT_EQ(ask(), 0x13);
}

TEST_F(FaultsTest, TheSourceIsBusyEmptyOrLarge) {
  lease::MemorySource real(to_bytes("some certificates, longer than an entry of the table"));
  FaultySource source(real, script_, nullptr);
  const auto holder = source.open_holder().value();
  arrange("busy");
  EXPECT_EQ(holder->acquire({}).error().code, Code::busy);
  EXPECT_FALSE(holder->held());
  arrange("no-certificates");
  EXPECT_EQ(holder->acquire({})->size(), 0U);
  EXPECT_TRUE(holder->held());
  holder->release();
  arrange("large-table=5");
  EXPECT_EQ(holder->acquire({})->size(), 5U * 4096U);
  holder->release();
  EXPECT_LT(holder->acquire({})->size(), 4096U);
}

TEST_F(FaultsTest, ATcbChangesBeforeTheCertificatesAreTaken) {
  lease::MemorySource real(to_bytes("old"));
  unsigned changes = 0;
  FaultySource source(real, script_, [&]() -> Status {
    ++changes;
    return real.replace(to_bytes("new"), {});  // would wait for a lease that is held
  });
  const auto holder = source.open_holder().value();
  EXPECT_EQ(holder->acquire({})->size(), 3U);
  holder->release();
  arrange("tcb");
  const auto table = holder->acquire({});
  ASSERT_TRUE(table);
  EXPECT_EQ(Bytes(table->begin(), table->end()), to_bytes("new"));
  EXPECT_EQ(changes, 1U);
}

TEST_F(FaultsTest, EachMessageMeetsItsStep) {
  script_.set_steps(parse_fault_steps("pass\nflip-tag\nstatus=1\n").value());
  EXPECT_EQ(ask(), 0x11);
  EXPECT_EQ(ask(), 0x13);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(ask(), 0x13);
  EXPECT_EQ(script_.left(), "");
}

}  // namespace
}  // namespace extreq::machine
