#include "lease/socket_packet.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "lease/fuse_test_tool.hpp"

namespace extreq::lease {
namespace {

constexpr std::array<std::uint8_t, 5> words{'h', 'e', 'l', 'l', 'o'};

struct Pair {
  UniqueFd here;
  UniqueFd there;
};

Pair connected() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

TEST(SocketPacket, BytesAreReceivedAndDescriptorsThatCameAlongNeverArrive) {
  const Pair pair = connected();
  std::array<int, 2> pipe_ends{-1, -1};
  ASSERT_EQ(::pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(pipe_ends[0]);
  UniqueFd writer(pipe_ends[1]);
  const std::array<int, 1> sent{writer.get()};
  ASSERT_EQ(send_packet(pair.there.get(), words, sent), 0);
  writer.reset();
  const auto before = open_descriptors();
  std::array<std::uint8_t, 16> buffer{};
  std::size_t size = 0;
  ASSERT_EQ(receive_bytes(pair.here.get(), buffer, size), 0);
  EXPECT_EQ(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)),
            Bytes(words.begin(), words.end()));
  EXPECT_EQ(open_descriptors(), before);
  pollfd end{reader.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, 30'000), 1);
  EXPECT_NE(end.revents & POLLHUP, 0) << "the kernel kept the descriptor that nobody took";
}

TEST(SocketPacket, ADescriptorWhoseCloseAsksAPeersDaemonIsNeverClosedByTheReceiver) {
  const auto folder = TemporaryDirectory::create("extreq-fuse");
  ASSERT_TRUE(folder);
  test::CountingFile daemon;
  auto file = test::CountingFile::open_at(folder->path(), daemon);
  if (!file) {
    std::fprintf(stderr, "*** SKIPPED, NOT TESTED: no FUSE file system can be mounted here ***\n");
    GTEST_SKIP() << "no FUSE file system can be mounted here";
  }
  const Pair pair = connected();
  const std::array<int, 1> sent{file->get()};
  ASSERT_EQ(send_packet(pair.there.get(), words, sent), 0);
  file->reset();
  ASSERT_EQ(daemon.flushes(), 1) << "the sender's own close";
  {
    std::array<std::uint8_t, 16> buffer{};
    std::size_t size = 0;
    ASSERT_EQ(receive_bytes(pair.here.get(), buffer, size), 0);
    EXPECT_EQ(size, words.size());
  }
  EXPECT_EQ(daemon.flushes(), 1) << "the receiver has waited for the daemon";
}

TEST(SocketPacket, APeerOfAListenerCannotSendDescriptorsWhereTheKernelCanForbidIt) {
  const auto folder = TemporaryDirectory::create("extreq-socket");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/socket";
  const UniqueFd listener = listen_at(path, 0600).value();
  int allowed = 1;
  socklen_t size = sizeof allowed;
  constexpr int so_passrights = 83;
  if (::getsockopt(listener.get(), SOL_SOCKET, so_passrights, &allowed, &size) != 0) {
    std::fprintf(stderr, "*** SKIPPED, NOT TESTED: SO_PASSRIGHTS came with Linux 6.16 ***\n");
    GTEST_SKIP() << "SO_PASSRIGHTS came with Linux 6.16";
  }
  const UniqueFd client = connect_to(path).value();
  const std::array<int, 1> sent{client.get()};
  EXPECT_EQ(send_packet(client.get(), words, sent), EPERM);
  EXPECT_EQ(send_packet(client.get(), words, {}), 0);
}

// A call that blocks in spite of its promise ends the test, not its patience.
class Watchdog {
 public:
  Watchdog() { ::alarm(60); }
  ~Watchdog() { ::alarm(0); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  Watchdog(Watchdog&&) = delete;
  Watchdog& operator=(Watchdog&&) = delete;
};

TEST(SocketPacket, ConnectingToAServiceThatDoesNotAcceptIsBusyAtOnce) {
  const Watchdog watchdog;
  const auto folder = TemporaryDirectory::create("extreq-socket");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/socket";
  const UniqueFd listener = listen_at(path, 0600).value();
  std::vector<UniqueFd> waiting;
  auto client = connect_to(path);
  for (; client && waiting.size() < 1000; client = connect_to(path)) {
    waiting.push_back(*std::move(client));
  }
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::busy) << client.error().message;
  // And nobody takes its place.
  const auto second = listen_at(path, 0600);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, testing::HasSubstr("another service answers"));
}

}  // namespace
}  // namespace extreq::lease
