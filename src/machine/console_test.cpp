#include "machine/console.hpp"

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace extreq::machine {
namespace {

class ConsoleOfAGuest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    guest_ = UniqueFd(ends[0]);
    console_.emplace(UniqueFd(ends[1]), [this](std::string_view text) {
      const std::lock_guard lock(mutex_);
      heard_.append(text);
      changed_.notify_all();
    });
  }

  void guest_writes(std::string_view text) {
    ASSERT_EQ(::send(guest_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  // The sink is called after the text was kept.
  std::string wait_for(std::size_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return heard_.size() >= size; });
    return heard_;
  }

  UniqueFd guest_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string heard_;
  std::optional<Console> console_;  // the last one: its thread uses the others
};

TEST_F(ConsoleOfAGuest, ItsTextIsHeardAndKept) {
  EXPECT_EQ(console_->last_words(), "");
  guest_writes("Kernel panic");
  EXPECT_EQ(wait_for(12), "Kernel panic");
  EXPECT_EQ(console_->last_words(), "Kernel panic");
}

TEST_F(ConsoleOfAGuest, OnlyTheEndOfALongTextIsKept) {
  const std::string lines(100000, 'a');
  guest_writes(lines);
  guest_writes("the end");
  EXPECT_EQ(wait_for(lines.size() + 7).size(), lines.size() + 7);
  const std::string kept = console_->last_words();
  EXPECT_EQ(kept.size(), 4096U);
  EXPECT_TRUE(kept.ends_with("aaathe end"));
}

TEST_F(ConsoleOfAGuest, WhatIsWrittenIsReadByTheGuest) {
  ASSERT_TRUE(console_->write("uname\n"));
  std::array<char, 16> read{};
  ASSERT_EQ(::recv(guest_.get(), read.data(), read.size(), 0), 6);
  EXPECT_STREQ(read.data(), "uname\n");
}

}  // namespace
}  // namespace extreq::machine
