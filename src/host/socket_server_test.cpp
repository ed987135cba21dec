#include "host/socket_server.hpp"

#include <csignal>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "extreq/vmm.h"
#include "lease/blob_writer.hpp"
#include "lease/socket_packet.hpp"
#include "lease/socket_protocol.hpp"
#include "lease/socket_source.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;
namespace protocol = lease::socket_protocol;
using ::testing::HasSubstr;

constexpr auto patience = 60s;  // where an answer does come, on a machine that is busy with others

// One certificate of `fill` bytes, in the GHCB's table format.
Bytes table_of(std::uint8_t fill, std::size_t size = 300) {
  Bytes entry(16, 0x11);
  const auto number = [&](std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) entry.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  number(48);
  number(static_cast<std::uint32_t>(size));
  Bytes table = entry;
  table.resize(48);
  table.insert(table.end(), size, fill);
  return table;
}

class SocketServerTest : public ::testing::Test {
 protected:
  void publish(const Bytes& table) {
    lease::BlobWriter writer(blob_, {});
    auto update = writer.begin(5s);
    ASSERT_TRUE(update) << update.error().message;
    const auto done = update->publish(table);
    ASSERT_TRUE(done) << done.error().message;
  }
  // Whether an updater gets the exclusive lock at once.
  [[nodiscard]] bool lock_is_free() const {
    lease::BlobWriter writer(blob_, {});
    return writer.begin(0s).has_value();
  }
  void start() {
    options_.socket_path = socket_;
    options_.blob_path = blob_;
    auto server = SocketServer::start(options_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  // Counters move on other threads.
  template <class Condition>
  [[nodiscard]] static bool eventually(const Condition& condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  TemporaryDirectory directory_ = TemporaryDirectory::create("extreq-socket").value();
  std::string blob_ = directory_.path() + "/host.blob";
  std::string socket_ = directory_.path() + "/host.sock";
  SocketServerOptions options_;
  std::unique_ptr<SocketServer> server_;
};

TEST_F(SocketServerTest, ALeaseGivesTheTableAndHoldsTheLockUntilItsRelease) {
  publish(table_of(1));
  start();
  lease::SocketSource source(socket_);
  const auto holder = source.open_holder().value();
  const auto table = holder->acquire(patience);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(Bytes(table->begin(), table->end()), table_of(1));
  EXPECT_FALSE(lock_is_free());
  holder->release();
  EXPECT_TRUE(eventually([&] { return lock_is_free(); }));
}

TEST_F(SocketServerTest, EachLeaseSeesTheTableOfItsTimeAndAnUnchangedOneIsNotSentAgain) {
  publish(table_of(1));
  start();
  lease::SocketSource source(socket_);
  const auto holder = source.open_holder().value();
  for (const std::uint8_t fill : std::initializer_list<std::uint8_t>{1, 1, 2, 2, 1}) {
    ASSERT_TRUE(eventually([&] { return lock_is_free(); }));
    publish(table_of(fill, std::size_t{300} + fill));
    const auto table = holder->acquire(patience);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(Bytes(table->begin(), table->end()), table_of(fill, std::size_t{300} + fill));
    holder->release();
  }
}

TEST_F(SocketServerTest, AnEmptyBlobIsALeaseOnNoCertificates) {
  publish({});
  start();
  lease::SocketSource source(socket_);
  const auto holder = source.open_holder().value();
  const auto table = holder->acquire(patience);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(table->empty());
  EXPECT_FALSE(lock_is_free());
}

TEST_F(SocketServerTest, RefusalsComeWithTheirCodeAndWords) {
  start();  // there is no blob
  lease::SocketSource source(socket_);
  const auto holder = source.open_holder().value();
  const auto missing = holder->acquire(patience);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("host.blob"));

  publish(table_of(1));
  lease::BlobWriter writer(blob_, {});
  const auto update = writer.begin(1s);
  ASSERT_TRUE(update);
  const auto busy = holder->acquire(20ms);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, Code::busy);
  EXPECT_FALSE(holder->held());
  EXPECT_TRUE(eventually([&] { return server_->counters().leases_refused >= 2; }));
}

TEST_F(SocketServerTest, AVmmIsServedThroughTheCInterface) {
  publish(table_of(7));
  start();
  extreq_vmm_source* source = nullptr;
  extreq_vmm* vm = nullptr;
  extreq_vmm_vcpu* vcpu = nullptr;
  ASSERT_EQ(extreq_vmm_source_open_socket(socket_.c_str(), &source), 0);
  extreq_vmm_policy policy = EXTREQ_VMM_POLICY_INIT;
  policy.max_wait_ns = std::chrono::nanoseconds(patience).count();
  ASSERT_EQ(extreq_vmm_create(source, &policy, &vm), 0);
  bool locked = false;  // while the firmware signs
  std::function<void()> sign = [&] { locked = !lock_is_free(); };
  const extreq_vmm_vcpu_config config{sizeof config, -1,
                                      [](void* opaque) {
                                        (*static_cast<std::function<void()>*>(opaque))();
                                        return -EINTR;
                                      },
                                      &sign};
  ASSERT_EQ(extreq_vmm_vcpu_create(vm, &config, &vcpu), 0);
  vmm::test::GuestPages pages;
  const extreq_vmm_memory memory{
      .write =
          [](void* opaque, std::uint64_t gpa, const void* bytes, std::size_t size) {
            const ByteView view(static_cast<const std::uint8_t*>(bytes), size);
            return static_cast<vmm::test::GuestPages*>(opaque)->write(gpa, view) ? 0 : -EFAULT;
          },
      .opaque = &pages,
      .regions = nullptr,
      .region_count = 0};
  abi::kvm::Run run{};
  auto* const area = static_cast<kvm_run*>(static_cast<void*>(&run));
  for (int round = 0; round < 3; ++round) {
    vmm::test::MergedForm::exit(run, vmm::test::GuestPages::base, 4);
    EXPECT_EQ(extreq_vmm_vcpu_handle(vcpu, area, &memory, EXTREQ_VMM_POLICY_WAIT), -EINTR);
    EXPECT_EQ(extreq_vmm_vcpu_answer(vcpu), EXTREQ_VMM_CERTIFICATES)
        << extreq_vmm_vcpu_failure(vcpu);
    EXPECT_TRUE(std::exchange(locked, false));
    EXPECT_TRUE(eventually([&] { return lock_is_free(); }));
  }
  extreq_vmm_vcpu_destroy(vcpu);
  extreq_vmm_destroy(vm);
  extreq_vmm_source_close(source);
}

TEST_F(SocketServerTest, TheReleaseOfOneConnectionLeavesTheOthersTheirLock) {
  publish(table_of(1));
  start();
  lease::SocketSource source(socket_);
  const auto a = source.open_holder().value();
  const auto b = source.open_holder().value();
  ASSERT_TRUE(a->acquire(patience));
  ASSERT_TRUE(b->acquire(patience));
  a->release();
  ASSERT_TRUE(eventually([&] { return server_->counters().leases_held == 1; }));
  EXPECT_FALSE(lock_is_free());
}

TEST_F(SocketServerTest, AVmmThatIsKilledHoldsUpNobody) {
  publish(table_of(1));
  start();
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    lease::SocketSource source(socket_);
    const auto holder = source.open_holder();
    const char held = holder && (*holder)->acquire(patience) ? 'y' : 'n';
    if (::write(ready[1], &held, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char held = 0;
  ASSERT_EQ(::read(ready[0], &held, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_EQ(held, 'y');
  EXPECT_FALSE(lock_is_free());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return lock_is_free(); }));
}

TEST_F(SocketServerTest, AServiceThatEndsTakesNoLeaseAway) {
  publish(table_of(1));
  start();
  lease::SocketSource source(socket_);
  const auto holder = source.open_holder().value();
  ASSERT_TRUE(holder->acquire(patience));
  server_.reset();
  EXPECT_FALSE(lock_is_free()) << "the client's duplicate holds the lock";
  holder->release();
  EXPECT_TRUE(lock_is_free());
  // A new service is found by the same holder.
  start();
  EXPECT_TRUE(holder->acquire(patience));
}

TEST_F(SocketServerTest, InAForkedChildNothingHappens) {
  publish(table_of(1));
  start();
  lease::SocketSource source(socket_);
  auto holder = source.open_holder().value();
  ASSERT_TRUE(holder->acquire(patience));
  const pid_t child = ::fork();
  if (child == 0) {
    holder->release();
    const bool refused = !holder->acquire(0s);
    holder.reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(holder->held());
  EXPECT_FALSE(lock_is_free());
}

TEST_F(SocketServerTest, WhoIsNotAllowedIsDisconnected) {
  publish(table_of(1));
  options_.allowed = [](const ucred& peer) { return peer.uid != ::getuid(); };
  start();
  lease::SocketSource source(socket_);
  const auto holder = source.open_holder().value();
  EXPECT_FALSE(holder->acquire(patience));
  EXPECT_GE(server_->counters().peers_refused, 1U);
}

TEST_F(SocketServerTest, TooManyClientsAreRefusedAndRoomIsFoundAgain) {
  publish(table_of(1));
  options_.clients_max = 1;
  start();
  lease::SocketSource source(socket_);
  auto first = source.open_holder().value();
  ASSERT_TRUE(first->acquire(patience));
  const auto second = source.open_holder().value();
  EXPECT_FALSE(second->acquire(100ms));
  first.reset();
  EXPECT_TRUE(eventually([&] { return second->acquire(patience).has_value(); }));
}

TEST_F(SocketServerTest, GarbageIsDisconnectedAndOthersAreServed) {
  publish(table_of(1));
  start();
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const UniqueFd socket = lease::connect_to(socket_).value();
    Bytes garbage(random() % 40);
    for (auto& byte : garbage) byte = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) {  // nearly right
      protocol::Request request;
      request.version = protocol::version + random() % 2;
      request.operation = static_cast<std::uint32_t>(random() % 4);
      request.reserved = static_cast<std::uint32_t>(random() % 2);
      garbage = ByteBuilder().object(request).take();
    }
    (void)lease::send_packet(socket.get(), garbage, {});
  }
  lease::SocketSource source(socket_);
  EXPECT_TRUE(source.open_holder().value()->acquire(patience));
  EXPECT_TRUE(eventually([&] { return server_->counters().connections == 0; }));
  EXPECT_GT(server_->counters().protocol_errors, 0U);
}

// The kernel may refuse to send them (Linux 6.16); if it does not, they are dropped on the way.
TEST_F(SocketServerTest, AClientThatSendsDescriptorsAlongIsServedAsIfItHadNot) {
  publish(table_of(1));
  start();
  const UniqueFd socket = lease::connect_to(socket_).value();
  protocol::Request acquire;
  acquire.version = protocol::version;
  acquire.operation = static_cast<std::uint32_t>(protocol::Operation::acquire);
  const Bytes packet = ByteBuilder().object(acquire).take();
  const std::array<int, 2> descriptors{socket.get(), STDERR_FILENO};
  int sent = lease::send_packet(socket.get(), packet, descriptors);
  if (sent == EPERM) sent = lease::send_packet(socket.get(), packet, {});
  ASSERT_EQ(sent, 0);
  pollfd poller{socket.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&poller, 1, 60'000), 1);
  std::array<std::uint8_t, protocol::answer_max> buffer{};
  lease::Packet answer;
  ASSERT_EQ(lease::receive_packet(socket.get(), buffer, answer), 0);
  EXPECT_EQ(answer.size, sizeof(protocol::Answer)) << "the service ended the connection";
  EXPECT_TRUE(answer.descriptors[0]) << "no lease";
  EXPECT_EQ(server_->counters().protocol_errors, 0U);
}

// SIGSTOP: what a frozen cgroup, a debugger or a hung disk do. It takes connections into its queue
// until that is full.
TEST_F(SocketServerTest, AServiceThatWasStoppedHoldsUpNeitherVcpusNorTheirRequests) {
  publish(table_of(1));
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    start();
    const char up = server_ ? 'y' : 'n';
    if (::write(ready[1], &up, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char up = 0;
  ASSERT_EQ(::read(ready[0], &up, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_EQ(up, 'y');
  ::kill(child, SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  ::alarm(120);  // ends a call that never comes back
  {
    lease::SocketSource source(socket_);
    std::vector<std::unique_ptr<lease::Holder>> vcpus;
    for (int i = 0; i < 600; ++i) {  // more than its queue holds
      auto vcpu = source.open_holder();
      ASSERT_TRUE(vcpu) << vcpu.error().message;
      vcpus.push_back(*std::move(vcpu));
    }
    for (const auto& vcpu : vcpus) {
      const auto table = vcpu->acquire(20ms);
      ASSERT_FALSE(table);
      EXPECT_EQ(table.error().code, Code::busy) << table.error().message;
    }
  }
  ::alarm(0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(SocketServerTest, APeerThatNeverReadsStopsNobody) {
  publish(table_of(1));
  start();
  const UniqueFd socket = lease::connect_to(socket_).value();
  protocol::Request acquire;
  acquire.version = protocol::version;
  acquire.operation = static_cast<std::uint32_t>(protocol::Operation::acquire);
  protocol::Request release = acquire;
  release.operation = static_cast<std::uint32_t>(protocol::Operation::release);
  const Bytes acquire_packet = ByteBuilder().object(acquire).take();
  const Bytes release_packet = ByteBuilder().object(release).take();
  for (int i = 0; i < 2000; ++i) {
    if (lease::send_packet(socket.get(), i % 2 == 0 ? acquire_packet : release_packet, {}) != 0) {
      break;
    }
  }
  lease::SocketSource source(socket_);
  EXPECT_TRUE(source.open_holder().value()->acquire(patience));
}

TEST_F(SocketServerTest, ASocketThatADeadServiceLeftIsReplacedAndALivingOnesIsNot) {
  publish(table_of(1));
  { const UniqueFd left = lease::listen_at(socket_, 0600).value(); }
  start();
  const auto second = SocketServer::start(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::busy);
  const std::string file = directory_.path() + "/file";
  std::ofstream(file) << "precious";
  options_.socket_path = file;
  EXPECT_FALSE(SocketServer::start(options_));
  std::string kept;
  std::ifstream(file) >> kept;
  EXPECT_EQ(kept, "precious");
}

TEST_F(SocketServerTest, ManyThreadsAndAnUpdaterNeverSeeATableThatIsNotWhole) {
  publish(table_of(1, 201));
  start();
  std::atomic<bool> stop{false};
  std::thread updater([&] {
    lease::BlobWriter writer(blob_, {});
    for (std::uint8_t fill = 1; !stop; fill = static_cast<std::uint8_t>(fill % 100 + 1)) {
      auto update = writer.begin(5s);
      if (!update) continue;
      (void)update->publish(table_of(fill, 200U + fill));
    }
  });
  std::vector<std::thread> readers;
  std::atomic<int> served{0};
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      lease::SocketSource source(socket_);
      const auto holder = source.open_holder().value();
      for (int k = 0; k < 60; ++k) {
        const auto table = holder->acquire(patience);
        if (!table) continue;
        ++served;
        const Bytes bytes(table->begin(), table->end());
        EXPECT_EQ(bytes, table_of(bytes.back(), 200U + bytes.back()));
        holder->release();
      }
    });
  }
  for (auto& reader : readers) reader.join();
  stop = true;
  updater.join();
  EXPECT_GT(served, 100);
}

}  // namespace
}  // namespace extreq::host
