#include "machine/guest_control.hpp"

#include <array>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "machine/control_frame.hpp"

namespace extreq::machine {
namespace {

using namespace std::chrono_literals;

class GuestControlTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    control_ = std::make_unique<GuestControl>(UniqueFd(ends[0]));
    guest_.reset(ends[1]);
  }

  // What the guest sends, whether or not it was asked already.
  void guest_sends(std::uint8_t type, const std::string& content) {
    std::string frame(1, static_cast<char>(type));
    for (unsigned shift = 0; shift < 32; shift += 8) {
      frame.push_back(static_cast<char>(content.size() >> shift));
    }
    guest_sends_raw(frame + content);
  }
  void guest_sends_raw(const std::string& bytes) {
    ASSERT_EQ(::send(guest_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }

  std::unique_ptr<GuestControl> control_;
  UniqueFd guest_;
};

TEST_F(GuestControlTest, ACommandsOutputAndStatusComeBack) {
  guest_sends(control::output, "one");
  guest_sends(control::errors, "two");
  guest_sends(control::ended, std::string(1, '\x83'));
  std::string output;
  std::string errors;
  const auto status = control_->run(
      {"sh", "-c", "x"},
      [&](GuestControl::Stream stream, std::string_view text) {
        (stream == GuestControl::Stream::output ? output : errors).append(text);
      },
      1000ms);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(*status, 0x83);
  EXPECT_EQ(output, "one");
  EXPECT_EQ(errors, "two");
  std::array<char, 64> sent{};
  const ssize_t got = ::recv(guest_.get(), sent.data(), sent.size(), 0);
  EXPECT_EQ(std::string(sent.data(), static_cast<std::size_t>(got)),
            std::string("C\x08\0\0\0sh\0-c\0x\0", 13));
}

TEST_F(GuestControlTest, AFileComesInPartsAndIsBounded) {
  guest_sends(control::data, "abc");
  guest_sends(control::data, "def");
  guest_sends(control::data, "");
  const auto file = control_->fetch("/f", 6, 1000ms);
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, to_bytes("abcdef"));
  guest_sends(control::data, "abc");
  guest_sends(control::data, "def");
  guest_sends(control::data, "");
  EXPECT_EQ(control_->fetch("/f", 5, 1000ms).error().code, Code::too_small);
}

TEST_F(GuestControlTest, AFrameThatIsTooLongIsRefusedBeforeItCame) {
  guest_sends_raw(std::string("R\xFF\xFF\xFF\xFF", 5));
  const auto ready = control_->wait_ready(1000ms);
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, Code::invalid_input);
}

TEST_F(GuestControlTest, AFrameThatWasNotAskedForIsRefused) {
  guest_sends(control::ended, "x");
  EXPECT_EQ(control_->wait_ready(1000ms).error().code, Code::invalid_input);
}

TEST_F(GuestControlTest, EndReleasesWhoeverWaits) {
  std::thread ender([this] { control_->end(); });
  EXPECT_EQ(control_->wait_ready(60000ms).error().code, Code::closed);
  ender.join();
}

TEST_F(GuestControlTest, ASilentGuestIsBusyAndAnEndedOneClosed) {
  EXPECT_EQ(control_->wait_ready(10ms).error().code, Code::busy);
  guest_.reset();
  EXPECT_EQ(control_->wait_ready(1000ms).error().code, Code::closed);
}

}  // namespace
}  // namespace extreq::machine
