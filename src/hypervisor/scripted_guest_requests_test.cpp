#include "hypervisor/scripted_guest_requests.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

using abi::snp::CommandStatus;
constexpr auto guest = firmware::GuestHandle{3};

TEST(ScriptedGuestRequests, WithoutAScriptTheResponseIsTheRequestFlipped) {
  ScriptedGuestRequests firmware;
  std::array<std::uint8_t, abi::snp::page_size> request{};
  std::array<std::uint8_t, abi::snp::page_size> response{};
  request[5] = 0x0F;
  EXPECT_EQ(firmware.guest_request(guest, request, response), CommandStatus::success);
  EXPECT_EQ(response[5], 0xF0);
  EXPECT_EQ(response[4], 0xFF);
  ASSERT_EQ(firmware.call_count(), 1U);
  EXPECT_EQ(firmware.calls()[0].guest, guest);
  EXPECT_EQ(firmware.calls()[0].request[5], 0x0F);
  EXPECT_EQ(firmware.most_at_once(), 1U);
}

TEST(ScriptedGuestRequests, TheScriptIsFollowedOnceInOrder) {
  ScriptedGuestRequests firmware;
  firmware.then_status(CommandStatus::invalid_param).then([](auto, auto) -> Result<CommandStatus> {
    return fail(Code::io, "no answer");
  });
  std::array<std::uint8_t, abi::snp::page_size> request{};
  std::array<std::uint8_t, abi::snp::page_size> response{};
  EXPECT_EQ(firmware.guest_request(guest, request, response), CommandStatus::invalid_param);
  EXPECT_THAT(response, testing::Each(0)) << "a failed command writes no response";
  EXPECT_EQ(firmware.guest_request(guest, request, response).error().message, "no answer");
  EXPECT_EQ(firmware.guest_request(guest, request, response), CommandStatus::success);
}

}  // namespace
}  // namespace extreq::hypervisor
