// The system calls of a VMM that gets its certificates over the service's socket: the list is the
// one in doc/vmm.md.
#include <vector>

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "base/temporary_directory.hpp"
#include "host/socket_server.hpp"
#include "lease/blob_writer.hpp"
#include "lease/seccomp_test_tool.hpp"
#include "lease/socket_source.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;
using lease::test::both;

const std::vector<int> each_request{SYS_sendmsg, SYS_poll, SYS_recvmsg, SYS_close};
const std::vector<int> changed_table{SYS_fcntl, SYS_pread64};
const std::vector<int> service_anew{SYS_socket, SYS_connect};
// For the words of a failure.
const std::vector<int> words{SYS_brk, SYS_futex};
// This test's own.
const std::vector<int> own{SYS_exit_group};

class SocketCalls : public ::testing::Test {
 protected:
  void SetUp() override {
    if (lease::test::sanitized) {
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: sanitizers make system calls of their own";
    }
    publish(4000);
    start();
  }
  void publish(std::size_t size) {
    lease::BlobWriter writer(blob_);
    ASSERT_TRUE(writer.begin(5s)->publish(vmm::test::table_of(size)));
  }
  void start() {
    SocketServerOptions options;
    options.socket_path = socket_;
    options.blob_path = blob_;
    server_ = SocketServer::start(options).value();
  }
  static bool serve(lease::Holder& holder, std::size_t table_size) {
    const auto table = holder.acquire(20s);
    const bool right = table && table->size() == vmm::test::table_of(table_size).size();
    holder.release();
    return right;
  }

  TemporaryDirectory directory_ = TemporaryDirectory::create("extreq-socket-calls").value();
  std::string blob_ = directory_.path() + "/host.blob";
  std::string socket_ = directory_.path() + "/host.sock";
  std::unique_ptr<SocketServer> server_;
};

TEST_F(SocketCalls, TheListSufficesForRequests) {
  EXPECT_EQ(lease::test::in_child([&] {
              lease::SocketSource source(socket_);
              const auto holder = source.open_holder().value();
              bool done = serve(*holder, 4000);
              lease::test::install_filter(both({each_request, own}));
              for (int i = 0; i < 10; ++i) done = serve(*holder, 4000) && done;
              return done;
            }),
            0);
}

TEST_F(SocketCalls, ATableThatChangedTakesTheNextPartOfTheList) {
  EXPECT_EQ(lease::test::in_child([&] {
              lease::SocketSource source(socket_);
              const auto holder = source.open_holder().value();
              lease::test::install_filter(both({each_request, changed_table, own}));
              return serve(*holder, 4000) && serve(*holder, 4000);
            }),
            0);
}

TEST_F(SocketCalls, AServiceThatIsGoneTakesTheRestAndCostsNoMoreThanTheCertificates) {
  EXPECT_EQ(lease::test::in_child([&] {
              lease::SocketSource source(directory_.path() + "/nobody.sock");
              const auto holder = source.open_holder().value();
              lease::test::install_filter(both({each_request, service_anew, words, own}));
              return !serve(*holder, 4000);
            }),
            0);
}

TEST_F(SocketCalls, WithoutACallOfTheListTheFilterKills) {
  const int status = lease::test::in_child([&] {
    lease::SocketSource source(socket_);
    const auto holder = source.open_holder().value();
    lease::test::install_filter(both({{SYS_poll, SYS_recvmsg, SYS_close}, changed_table, own}));
    return serve(*holder, 4000);
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

}  // namespace
}  // namespace extreq::host
