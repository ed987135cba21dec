#include "firmware/dev_sev.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace extreq::firmware {
namespace {

namespace sev = abi::sev;
namespace snp = abi::snp;
using testing::HasSubstr;

// A pointer as the kernel gets it: a number in a structure.
void* pointer_in(std::uint64_t address) {
  void* pointer = nullptr;
  std::memcpy(&pointer, &address, sizeof pointer);
  return pointer;
}

// What the kernel saw, and what it answers.
class FakeKernel {
 public:
  Ioctl ioctl() {
    return [this](int fd, unsigned long request, void* argument) {
      fd_seen = fd;
      request_seen = request;
      sev::IssueCmd command;
      std::memcpy(&command, argument, sizeof command);
      command_seen = command.cmd;
      error_at_call = command.error;
      data_seen = command.data != 0;
      if (data_seen && answer) answer(pointer_in(command.data));
      if (errno_given == 0) return 0;
      command.error = error_given;
      std::memcpy(argument, &command, sizeof command);
      errno = errno_given;
      return -1;
    };
  }

  std::function<void(void*)> answer;
  int errno_given = 0;
  std::uint32_t error_given = sev::no_fw_call;
  int fd_seen = -2;
  unsigned long request_seen = 0;
  std::uint32_t command_seen = 0;
  std::uint32_t error_at_call = 0;
  bool data_seen = false;
};

class DevSevTest : public testing::Test {
 protected:
  FakeKernel kernel_;
  DevSev device_{UniqueFd(), {0x19, 0x01, 1}, kernel_.ioctl()};
};

TEST_F(DevSevTest, TheStatusIsWhatTheKernelCopiesOut) {
  kernel_.answer = [](void* data) {
    std::array<std::uint8_t, 32> bytes{};
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
    std::memcpy(data, bytes.data(), bytes.size());
  };
  const auto status = device_.platform_status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->api_major, 1);
  EXPECT_EQ(status->api_minor, 2);
  EXPECT_EQ(status->flags, 0x0C0B0A09U);
  EXPECT_EQ(status->current_tcb, 0x1817161514131211U);
  EXPECT_EQ(status->reported_tcb, 0x201F1E1D1C1B1A19U);
  EXPECT_EQ(kernel_.command_seen, 9U);
  EXPECT_EQ(kernel_.request_seen, 0xC0105300U) << "_IOWR('S', 0, 16 bytes)";
  EXPECT_EQ(kernel_.error_at_call, 0xFFFFFFFFU)
      << "a kernel that does not write the field must not look like a firmware's success";
}

TEST_F(DevSevTest, TheIdIsTheFirstSockets) {
  kernel_.answer = [](void* data) {
    sev::GetId2 request;
    std::memcpy(&request, data, sizeof request);
    ASSERT_EQ(request.length, 128U);
    std::array<std::uint8_t, 128> ids{};
    std::fill_n(ids.begin(), 64, std::uint8_t{0xA1});
    std::fill_n(ids.begin() + 64, 64, std::uint8_t{0xB2});
    std::memcpy(pointer_in(request.address), ids.data(), ids.size());
  };
  const auto id = device_.get_id();
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_THAT(*id, testing::Each(0xA1));
  EXPECT_EQ(kernel_.command_seen, 8U);
}

TEST_F(DevSevTest, AShortIdIsFollowedByZeros) {
  kernel_.answer = [](void* data) {
    sev::GetId2 request;
    std::memcpy(&request, data, sizeof request);
    std::memset(pointer_in(request.address), 0xCC, 64);
    request.length = 8;  // Turin
    std::memcpy(data, &request, sizeof request);
  };
  const auto id = device_.get_id();
  ASSERT_TRUE(id);
  EXPECT_EQ(std::ranges::count(*id, 0xCC), 8);
  EXPECT_EQ((*id)[8], 0);
}

TEST_F(DevSevTest, AnIdOfZerosIsAFailure) {
  const auto id = device_.get_id();
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().status, std::nullopt);
}

TEST_F(DevSevTest, CommitHasNoStructure) {
  ASSERT_TRUE(device_.commit());
  EXPECT_EQ(kernel_.command_seen, 10U);
  EXPECT_FALSE(kernel_.data_seen);
}

TEST_F(DevSevTest, AConfigurationReachesTheKernelAsItIs) {
  std::array<std::uint8_t, 64> seen{};
  kernel_.answer = [&](void* data) { std::memcpy(seen.data(), data, seen.size()); };
  snp::Config config;
  config.reported_tcb = 0xD516000000000004;
  config.flags = snp::config_flags::mask_chip_id;
  ASSERT_TRUE(device_.set_config(config));
  EXPECT_EQ(kernel_.command_seen, 11U);
  EXPECT_EQ(seen[0], 0x04);
  EXPECT_EQ(seen[6], 0x16);
  EXPECT_EQ(seen[7], 0xD5);
  EXPECT_EQ(seen[8], 0x01);
  EXPECT_THAT(std::vector<std::uint8_t>(seen.begin() + 9, seen.end()), testing::Each(0));
}

TEST_F(DevSevTest, AHashstickReachesTheKernelBehindItsAddress) {
  Bytes seen(432);
  std::array<std::uint8_t, 16> header{};
  kernel_.answer = [&](void* data) {
    std::memcpy(header.data(), data, header.size());
    sev::SnpVlekLoad request;
    std::memcpy(&request, data, sizeof request);
    std::memcpy(seen.data(), pointer_in(request.vlek_wrapped_address), seen.size());
  };
  snp::WrappedVlek vlek;
  vlek.iv.fill(0x11);
  vlek.vlek_wrapped.fill(0x22);
  vlek.tcb_version = 0x33;
  vlek.vlek_auth_tag.fill(0x44);
  ASSERT_TRUE(device_.vlek_load(vlek));
  EXPECT_EQ(kernel_.command_seen, 12U);
  EXPECT_EQ(header[0], 16) << "LEN of the structure";
  EXPECT_EQ(header[4], 0) << "version of the hashstick";
  EXPECT_EQ(seen[0], 0x11);
  EXPECT_EQ(seen[0x10], 0x22);
  EXPECT_EQ(seen[0x190], 0x33);
  EXPECT_EQ(seen[431], 0x44);
}

TEST_F(DevSevTest, AFirmwareStatusIsToldFromARefusalOfTheKernel) {
  kernel_.errno_given = EIO;
  kernel_.error_given = 0x16;
  const auto refused = device_.commit();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, snp::CommandStatus::invalid_param);
  EXPECT_THAT(refused.error().message, HasSubstr("0x16"));
  EXPECT_THAT(refused.error().message, HasSubstr("invalid parameter"));

  kernel_.errno_given = EPERM;
  for (const std::uint32_t untouched : {sev::no_fw_call, 0U}) {
    kernel_.error_given = untouched;
    const auto denied = device_.commit();
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().status, std::nullopt);
    EXPECT_THAT(denied.error().message, HasSubstr("CAP_SYS_ADMIN"));
  }
}

TEST_F(DevSevTest, AnOldKernelIsNamedAsTheCause) {
  kernel_.errno_given = EINVAL;
  const auto status = device_.platform_status();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("Linux 6.11"));
}

TEST(DevSev, AMissingDeviceIsNotFound) {
  const auto device = DevSev::open("/nonexistent/sev");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, Code::not_found);
  EXPECT_THAT(device.error().message, HasSubstr("/nonexistent/sev"));
}

}  // namespace
}  // namespace extreq::firmware
