#include "machine/gdb_client.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "machine/fake_stub.hpp"

namespace extreq::machine {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Registers registers_at(std::uint64_t rip) {
  Registers registers;
  registers.values[static_cast<std::size_t>(Register::rip)] = rip;
  return registers;
}

TEST(GdbPacket, APacketIsTakenApartWhereverItIsCut) {
  const std::string stream = "+" + make_packet("OK") + "+" + make_packet("T05");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    PacketDecoder decoder;
    std::vector<std::string> got;
    for (const std::string& part : {stream.substr(0, cut), stream.substr(cut)}) {
      decoder.feed(part);
      while (true) {
        const auto packet = decoder.next();
        ASSERT_TRUE(packet);
        if (!*packet) break;
        got.push_back(**packet);
      }
    }
    EXPECT_EQ(got, (std::vector<std::string>{"OK", "T05"})) << cut;
  }
}

TEST(GdbPacket, RunLengthsAndEscapesAreUndone) {
  PacketDecoder decoder;
  decoder.feed("$0* x}\x03#" + fmt::format("{:02x}", ('0' + '*' + ' ' + 'x' + '}' + 3) & 0xFF));
  EXPECT_EQ(decoder.next().value().value(), "0000x#");
}

TEST(GdbPacket, AWrongChecksumIsRefused) {
  PacketDecoder decoder;
  decoder.feed("$OK#00");
  EXPECT_FALSE(decoder.next());
}

TEST(GdbPacket, APacketWithoutEndIsBounded) {
  PacketDecoder decoder;
  decoder.feed("$" + std::string(70000, 'x'));
  EXPECT_FALSE(decoder.next());
}

TEST(GdbClient, RegisterWritesTravelWithTheNextRunAndDisturbNothing) {
  test::FakeStub stub;
  auto client = GdbClient::connect(stub.take_client(), 5000ms);
  ASSERT_TRUE(client) << client.error().message;
  client->post_register(Register::rbx, 0x1234567890ABCDEF);
  client->post_register(Register::eflags, 0x202);
  stub.stop_with(registers_at(0x1000));
  const auto stop = client->run(-1, 5000ms);
  ASSERT_TRUE(stop) << stop.error().message;
  EXPECT_EQ(*stop, GdbClient::Stop::breakpoint);
  EXPECT_EQ(client->read_registers().value()[Register::rip], 0x1000U);
  EXPECT_EQ(stub.disturbances(), 0U);
}

TEST(GdbClient, ARefusedRegisterWriteIsAnError) {
  test::FakeStub stub;
  auto client = GdbClient::connect(stub.take_client(), 5000ms);
  stub.answer("P1=", "E22");
  client->post_register(Register::rbx, 1);
  stub.stop_with(registers_at(0x1000));
  const auto stop = client->run(-1, 5000ms);
  ASSERT_FALSE(stop);
  EXPECT_THAT(stop.error().message, HasSubstr("E22"));
}

TEST(GdbClient, AWakeupInterruptsTheRunningGuest) {
  test::FakeStub stub;
  auto client = GdbClient::connect(stub.take_client(), 5000ms);
  const UniqueFd wakeup(::eventfd(1, EFD_CLOEXEC));
  const auto stop = client->run(wakeup.get(), 5000ms);
  ASSERT_TRUE(stop) << stop.error().message;
  EXPECT_EQ(*stop, GdbClient::Stop::interrupted);
  EXPECT_EQ(stub.disturbances(), 0U);
}

TEST(GdbClient, ASilentGuestIsBusyAfterItsTime) {
  test::FakeStub stub;
  auto client = GdbClient::connect(stub.take_client(), 5000ms);
  const auto stop = client->run(-1, 20ms);
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().code, Code::busy);
}

TEST(GdbClient, AnEmulatorThatEndsIsClosed) {
  test::FakeStub stub;
  auto client = GdbClient::connect(stub.take_client(), 5000ms);
  stub.end_at_next_run();
  const auto stop = client->run(-1, 5000ms);
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().code, Code::closed);
}

TEST(GdbClient, ATargetOfAnotherArchitectureIsRefused) {
  test::FakeStub stub;
  stub.answer("qXfer", "l<xi:include href=\"arm-core.xml\"/>");
  const auto client = GdbClient::connect(stub.take_client(), 5000ms);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::unsupported);
}

TEST(GdbClient, TheMonitorsWordsComeAsText) {
  test::FakeStub stub;
  auto client = GdbClient::connect(stub.take_client(), 5000ms);
  stub.map(0xFFFF, 0x8000001000);
  EXPECT_EQ(client->monitor("gva2gpa 0xffff").value(), "gpa: 0x8000001000\n");
}

}  // namespace
}  // namespace extreq::machine
