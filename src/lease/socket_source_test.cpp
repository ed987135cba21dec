// A service that does not behave, and what it costs its client. That it serves at all is tested
// beside the real service: host/socket_server_test.cpp.
#include "lease/socket_source.hpp"

#include <array>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "lease/seccomp_test_tool.hpp"
#include "lease/socket_packet.hpp"
#include "lease/socket_protocol.hpp"

namespace extreq::lease {
namespace {

using namespace std::chrono_literals;
namespace protocol = socket_protocol;
using ::testing::HasSubstr;

constexpr auto patience = 30s;  // where an answer does come

class BadService : public ::testing::Test {
 protected:
  void SetUp() override { ::alarm(60); }  // ends a call that never comes back, and the test
  void TearDown() override { ::alarm(0); }

  // The oldest connection that waits; none: nobody has connected.
  std::optional<UniqueFd> accept_one(int wait_ms = 0) {
    pollfd poller{listener_.get(), POLLIN, 0};
    if (::poll(&poller, 1, wait_ms) != 1) return std::nullopt;
    return UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  int connections() {
    int count = 0;
    while (accept_one()) ++count;
    return count;
  }
  static Bytes refusal(Code code, const std::string& text) {
    protocol::Answer answer;
    answer.version = protocol::version;
    answer.result = protocol::refusal_of(code);
    return ByteBuilder().object(answer).bytes(Bytes(text.begin(), text.end())).take();
  }
  // Serves one connection on a thread of its own: reads the request, then answers.
  std::jthread answering(const Bytes& packet) {
    return std::jthread([this, packet] {
      auto client = accept_one(std::chrono::milliseconds(patience).count());
      if (!client) return;
      std::array<std::uint8_t, 64> request{};
      if (::recv(client->get(), request.data(), request.size(), 0) <= 0) return;
      static_cast<void>(send_packet(client->get(), packet, {}));
      served_ = *std::move(client);
    });
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create("extreq-bad-service").value();
  std::string path_ = folder_.path() + "/socket";
  UniqueFd listener_ = listen_at(path_, 0600).value();
  UniqueFd served_;  // stays open
  ManualClock clock_;
  SocketSource source_{path_, clock_};
};

TEST_F(BadService, OneThatNeverAcceptsHoldsUpNeitherAVcpusCreationNorItsRequests) {
  std::vector<UniqueFd> waiting;
  for (auto client = connect_to(path_); client; client = connect_to(path_)) {
    waiting.push_back(*std::move(client));
  }
  const auto holder = source_.open_holder();
  ASSERT_TRUE(holder) << holder.error().message;
  for (int i = 0; i < 3; ++i) {
    const auto table = (*holder)->acquire(0s);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, Code::busy) << table.error().message;
  }
}

struct Waits {
  int polls = 0;
  std::int64_t poll_ms = 0;
  int others = 0;  // calls that can wait for a peer without a limit of their own
};

// What a child's calls may wait, by the arguments of its system calls.
Waits waits_of(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    body();
    ::_exit(0);
  }
  Waits waits;
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  bool entering = true;
  while (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0 &&
         ::waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    if (std::exchange(entering, !entering)) {
      user_regs_struct registers{};
      ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
      switch (registers.orig_rax) {
        case SYS_poll:
          ++waits.polls;
          waits.poll_ms += static_cast<int>(registers.rdx);
          break;
        case SYS_socket:
          waits.others += (registers.rsi & SOCK_NONBLOCK) == 0 ? 1 : 0;
          break;
        case SYS_sendmsg:
        case SYS_recvmsg:
          waits.others += (registers.rdx & MSG_DONTWAIT) == 0 ? 1 : 0;
          break;
        case SYS_clock_nanosleep:
        case SYS_ppoll:
        case SYS_select:
          ++waits.others;
          break;
        default:
          break;
      }
    }
  }
  return waits;
}

TEST_F(BadService, OneThatNeverAnswersCostsARequestItsOwnLimitAndFiveMilliseconds) {
  if (test::sanitized) GTEST_SKIP() << "*** SKIPPED, NOT TESTED: sanitizers add system calls";
  const Waits waits = waits_of([&] {
    const auto holder = source_.open_holder();
    if (holder) static_cast<void>((*holder)->acquire(20ms));
  });
  EXPECT_EQ(waits.polls, 1);
  EXPECT_EQ(waits.poll_ms, 25);
  EXPECT_EQ(waits.others, 0);
}

TEST_F(BadService, ThenNoHolderAsksItUntilAPauseIsOverThatGrowsToFiveSeconds) {
  if (test::sanitized) GTEST_SKIP() << "*** SKIPPED, NOT TESTED: sanitizers add system calls";
  const Waits waits = waits_of([&] {
    const auto first = source_.open_holder();
    const auto second = source_.open_holder();
    if (!first || !second) return;
    for (int i = 0; i < 100; ++i) {
      static_cast<void>((*first)->acquire(20ms));
      static_cast<void>((*second)->acquire(20ms));
    }
  });
  EXPECT_EQ(waits.polls, 1) << "200 requests, all at one moment of the clock";

  const auto holder = source_.open_holder().value();
  const auto asked = [&] {
    EXPECT_FALSE(holder->acquire(0s));
    return connections() > 0;
  };
  EXPECT_FALSE(holder->acquire(0s));
  static_cast<void>(connections());
  Clock::Duration pause = SocketSource::silence_pause_first;
  for (int i = 0; i < 8; ++i) {
    clock_.advance(pause - 1ns);
    EXPECT_FALSE(asked()) << i;
    clock_.advance(1ns);
    EXPECT_TRUE(asked()) << i;
    pause = std::min<Clock::Duration>(2 * pause, SocketSource::silence_pause_longest);
  }
  EXPECT_EQ(pause, SocketSource::silence_pause_longest);
}

TEST_F(BadService, OneThatAnswersAgainIsForgiven) {
  const auto holder = source_.open_holder().value();
  EXPECT_FALSE(holder->acquire(0s));
  static_cast<void>(connections());
  clock_.advance(SocketSource::silence_pause_first);
  {
    const auto service = answering(refusal(Code::not_found, "no blob"));
    const auto refused = holder->acquire(patience);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::not_found) << refused.error().message;
  }
  // The next silence starts with the shortest pause.
  const auto other = source_.open_holder().value();
  EXPECT_FALSE(other->acquire(0s));
  static_cast<void>(connections());
  clock_.advance(SocketSource::silence_pause_first);
  EXPECT_FALSE(other->acquire(0s));
  EXPECT_EQ(connections(), 1);
}

TEST_F(BadService, AnAnswerThatComesTooLateIsNoAnswerToTheNextRequest) {
  const auto holder = source_.open_holder().value();
  const auto late = accept_one();
  ASSERT_TRUE(late);
  EXPECT_FALSE(holder->acquire(0s));
  // The client has taken its question back by the end of the connection, so this reaches nobody.
  EXPECT_NE(send_packet(late->get(), refusal(Code::io, "late"), {}), 0);
  clock_.advance(SocketSource::silence_pause_first);
  const auto service = answering(refusal(Code::not_found, "the right one"));
  const auto refused = holder->acquire(patience);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the right one"));
}

TEST_F(BadService, AnAnswerInPiecesIsNoneAndEndsTheConnection) {
  const auto holder = source_.open_holder().value();
  const auto service = accept_one();
  ASSERT_TRUE(service);
  const Bytes whole = refusal(Code::not_found, "");
  for (const std::uint8_t byte : whole) {
    ASSERT_EQ(send_packet(service->get(), ByteView(&byte, 1), {}), 0);
  }
  const auto table = holder->acquire(patience);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Code::invalid_input) << table.error().message;
  const std::uint8_t byte = 0;
  EXPECT_NE(send_packet(service->get(), ByteView(&byte, 1), {}), 0);
}

}  // namespace
}  // namespace extreq::lease
