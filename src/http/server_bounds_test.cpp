// The server against peers that drip, hoard, never read and never end, and handlers that hang.
#include <csignal>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include "http/test_server.hpp"
#include "http/test_talk.hpp"

namespace extreq::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr unsigned threads = 2;
constexpr std::size_t body_max = 5000;
constexpr std::size_t most_steps = 2000;
const std::string now_request = "GET /now HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string slow_request = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

class HttpServerBounds : public testing::Test {
 protected:
  void start(TestHandler::Worker worker) {
    handler_ = std::make_unique<TestHandler>(std::move(worker));
    server_ = Server::start(*handler_, {.threads = threads, .body_max = body_max, .clock = &clock_})
                  .value();
  }
  UniqueFd connect(std::uint32_t from = INADDR_LOOPBACK) {
    return connect_to_loopback(server_->port(), from);
  }
  void expect_it_answers() {
    const UniqueFd peer = connect(INADDR_LOOPBACK + 7);
    EXPECT_TRUE(send_to(peer, now_request));
    EXPECT_THAT(receive_answer(peer), EndsWith("\r\n\r\nnow\n"));
  }
  // Lets time pass until the server has looked at the deadlines and ended this one, and with it all
  // that are older.
  void pass_the_deadline_of(const UniqueFd& idle) {
    while (!has_news(idle, 10)) clock_.advance(1s);
    EXPECT_EQ(receive_all(idle), "");
  }
  // Gives up on a server that does not end, so that the test says so.
  void expect_it_ends() {
    auto ended = std::async(std::launch::async, [this] { server_.reset(); });
    if (ended.wait_for(60s) != std::future_status::ready) {
      ADD_FAILURE() << "the server does not end";
      std::_Exit(1);
    }
  }

  ManualClock clock_;
  std::unique_ptr<TestHandler> handler_;
  std::unique_ptr<Server> server_;
};

Response hello(const Request& /*request*/) { return {200, "text/plain", "hello\n", {}, false}; }

// A byte and a second again and again, until the connection ends. How many seconds that took.
TEST_F(HttpServerBounds, ARequestThatDripsEndsAtItsDeadlineWhateverDrips) {
  start(&hello);
  const std::string filler(5000, 'x');
  const std::string empty_lines(5000, '\n');
  for (const auto& [first, rest] : std::vector<std::pair<std::string, std::string>>{
           {"", filler},
           {"", empty_lines},
           {"GET /", filler},
           {"GET / HTTP/1.1\r\nX: ", filler},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", filler}}) {
    const UniqueFd peer = connect();
    ASSERT_TRUE(send_to(peer, first));
    std::size_t steps = 0;
    for (; steps < most_steps && !has_news(peer, 10); ++steps) {
      clock_.advance(1s);
      if (!send_to(peer, rest.substr(steps, 1))) break;
    }
    // Empty lines before a request: libmicrohttpd 1.0 ends those at once.
    if (rest != empty_lines) {
      EXPECT_GE(steps, 10U) << "ended before its time: " << first;
    }
    ASSERT_LT(steps, most_steps) << "not ended: " << first;
    EXPECT_EQ(receive_all(peer), "") << first;
  }
  EXPECT_EQ(handler_->asked, 0U);
}

TEST_F(HttpServerBounds, EachRequestInTimeHasADeadlineOfItsOwn) {
  start(&hello);
  const UniqueFd peer = connect();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(send_to(peer, now_request.substr(0, 10)));
    clock_.advance(request_time - 1s);
    ASSERT_TRUE(send_to(peer, now_request.substr(10)));
    EXPECT_THAT(receive_answer(peer), EndsWith("\r\n\r\nnow\n")) << i;
  }
}

TEST_F(HttpServerBounds, TheHandlersTimeIsNotThePeers) {
  std::promise<void> go_on;
  auto wait = go_on.get_future().share();
  start([wait](const Request& request) {
    wait.wait();
    return hello(request);
  });
  const UniqueFd peer = connect();
  const UniqueFd idle = connect();
  ASSERT_TRUE(send_to(peer, slow_request));
  while (handler_->asked == 0) std::this_thread::yield();
  pass_the_deadline_of(idle);
  go_on.set_value();
  EXPECT_THAT(receive_answer(peer), EndsWith("\r\n\r\nhello\n"));
}

TEST_F(HttpServerBounds, APeerThatDoesNotReadItsAnswerIsDisconnected) {
  constexpr std::size_t large = 64U << 20U;  // more than the kernel takes for a peer
  start([](const Request&) { return Response{200, "", std::string(large, 'x'), {}, false}; });
  const UniqueFd peer = connect();
  ASSERT_TRUE(send_to(peer, slow_request));
  ASSERT_TRUE(has_news(peer, -1));
  pass_the_deadline_of(connect());
  EXPECT_LT(receive_all(peer).size(), large);
}

// Sends until the connection ends. How many bytes the server, and the kernel for it, took.
std::size_t pour(const UniqueFd& peer, const std::string& piece, std::size_t at_most) {
  const int small = 4096;
  ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  std::size_t sent = 0;
  while (sent < at_most && send_to(peer, piece)) sent += piece.size();
  return sent;
}

TEST_F(HttpServerBounds, ALineOrHeadersWithoutEndEndTheConnectionAfterFewBytes) {
  start(&hello);
  constexpr std::size_t enough = 8U << 20U;
  constexpr std::size_t few = 1U << 20U;  // most of it the kernel's buffers
  const std::string line(1024, 'a');
  const std::string header = "X-Header: " + std::string(100, 'a') + "\r\n";
  for (const auto& [first, piece] : std::vector<std::pair<std::string, std::string>>{
           {"", line},
           {"GET /", line},
           {"GET /?", line},
           {"GET / HTTP/1.1\r\nHost: a\r\nX: ", line},
           {"GET / HTTP/1.1\r\nHost: a\r\n", header},
           {"GET / HTTP/1.1\r\nHost: a\r\n", "a: b\r\n"},
           {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n", " folded\r\n"}}) {
    const UniqueFd peer = connect();
    ASSERT_TRUE(send_to(peer, first));
    EXPECT_LT(pour(peer, piece, enough), few) << first << piece.substr(0, 20);
    expect_it_answers();
  }
  EXPECT_EQ(handler_->asked, 0U);
}

TEST_F(HttpServerBounds, OneAddressCannotHaveAllConnections) {
  start(&hello);
  std::vector<UniqueFd> hoard;
  constexpr std::size_t all = connections_max + 2 * threads;
  for (std::size_t i = 0; i < all; ++i) hoard.push_back(connect(INADDR_LOOPBACK + 1));
  expect_it_answers();
  std::size_t closed = 0;
  for (const UniqueFd& peer : hoard) closed += has_news(peer, 0) ? 1 : 0;
  EXPECT_EQ(closed, all - all / 4 * 3);
}

TEST_F(HttpServerBounds, WhileTheHandlerHangsOthersAreAnsweredAndMoreRequestsGet503AtOnce) {
  start([this](const Request& request) {
    handler_->wait_for_the_end();
    return hello(request);
  });
  std::vector<UniqueFd> waiting;
  for (unsigned i = 0; i < 2 * threads; ++i) {
    waiting.push_back(connect());
    ASSERT_TRUE(send_to(waiting.back(), slow_request));
  }
  while (handler_->asked < threads) std::this_thread::yield();
  // As many again wait in the queue. Which ones the server has seen by now it does not tell, so
  // more are sent until one is refused.
  std::string refused;
  for (int i = 0; i < 100 && refused.empty(); ++i) {
    waiting.push_back(connect());
    ASSERT_TRUE(send_to(waiting.back(), slow_request));
    expect_it_answers();
    for (const UniqueFd& peer : waiting) {
      if (has_news(peer, 0)) refused = receive_answer(peer);
    }
  }
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_EQ(handler_->asked, threads);
}

TEST_F(HttpServerBounds, WhoWaitsForTheHandlerIsAnsweredWhenTheServerEnds) {
  start([this](const Request& request) {
    handler_->wait_for_the_end();
    return hello(request);
  });
  const UniqueFd peer = connect();
  ASSERT_TRUE(send_to(peer, slow_request));
  while (handler_->asked == 0) std::this_thread::yield();
  expect_it_ends();
  EXPECT_THAT(receive_all(peer), EndsWith("\r\n\r\nhello\n"));
}

TEST_F(HttpServerBounds, ItEndsUnderDrippingIdleUnreadAndUnansweredConnections) {
  std::promise<void> go_on;
  auto wait = go_on.get_future().share();
  start([wait](const Request& request) {
    if (request.path() == "/slow") wait.wait();  // until after the end has begun
    return Response{200, "", std::string(64U << 20U, 'x'), {}, false};
  });
  const UniqueFd idle = connect();
  const UniqueFd unread = connect();
  ASSERT_TRUE(send_to(unread, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
  ASSERT_TRUE(has_news(unread, -1));
  const UniqueFd unanswered = connect();
  ASSERT_TRUE(send_to(unanswered, slow_request));
  while (handler_->asked < 2) std::this_thread::yield();
  std::thread dripping([peer = connect()] {
    send_to(peer, "GET / HTTP/1.1\r\nX: ");
    while (send_to(peer, "x")) std::this_thread::sleep_for(1ms);
  });
  // All connections are closed though the handler has not returned.
  auto ended = std::async(std::launch::async, [this] { expect_it_ends(); });
  EXPECT_EQ(receive_all(idle), "");
  EXPECT_EQ(receive_all(unanswered), "");
  dripping.join();
  go_on.set_value();
  ended.get();
}

TEST_F(HttpServerBounds, PeersThatVanishAtAnyPointLeaveNothingBehind) {
  start(&hello);
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd";
  for (std::size_t size = 0; size <= request.size(); ++size) {
    for (const bool reset : {false, true}) {
      const UniqueFd peer = connect();
      ASSERT_TRUE(send_to(peer, request.substr(0, size)));
      const linger at_once{reset ? 1 : 0, 0};
      ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
  }
  expect_it_answers();
}

TEST(HttpServerThreads, WhereTheSystemHasNoMoreThreadsTheStartFails) {
  pthread_attr_t attributes;
  pthread_attr_t usual;
  ASSERT_EQ(::pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  // No address space has room for such a stack.
  ASSERT_EQ(::pthread_attr_setstacksize(&attributes, std::size_t{1} << 50U), 0);
  ASSERT_EQ(::pthread_setattr_default_np(&attributes), 0);
  TestHandler handler(&hello);
  const auto server = Server::start(handler, {});
  EXPECT_EQ(::pthread_setattr_default_np(&usual), 0);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::io);
  EXPECT_THAT(server.error().message, HasSubstr("cannot start thread 1 of 16"));
  EXPECT_TRUE(Server::start(handler, {}));
}

}  // namespace
}  // namespace extreq::http
