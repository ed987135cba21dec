// The server against scrapers that do as they like, over raw connections.
#include "host/metrics_server.hpp"

#include <cstring>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unique_fd.hpp"

namespace extreq::host {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MetricsServerTest : public testing::Test {
 protected:
  // All that comes until the server closes the connection.
  std::string ask(const std::string& request) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    static_assert(sizeof(generic) == sizeof(address));
    std::memcpy(&generic, &address, sizeof(address));
    EXPECT_EQ(::connect(socket.get(), &generic, sizeof(generic)), 0);
    EXPECT_EQ(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    std::array<char, 4096> piece{};
    for (ssize_t got = 1; got > 0;) {
      got = ::recv(socket.get(), piece.data(), piece.size(), 0);
      if (got > 0) answer.append(piece.data(), static_cast<std::size_t>(got));
    }
    return answer;
  }
  std::string ask_for(const std::string& method, const std::string& path,
                      const std::string& more = "") {
    return ask(method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + more + "\r\n");
  }

  std::unique_ptr<MetricsServer> server_ = MetricsServer::start({}, "a 1\n").value();
};

TEST_F(MetricsServerTest, TheTextThatWasShownLastIsServed) {
  const std::string first = ask_for("GET", "/metrics");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(first, HasSubstr("Content-Type: text/plain; version=0.0.4\r\n"));
  EXPECT_THAT(first, EndsWith("\r\n\r\na 1\n"));
  server_->show("a 2\n");
  EXPECT_THAT(ask_for("GET", "/metrics"), EndsWith("\r\n\r\na 2\n"));
  EXPECT_THAT(ask_for("HEAD", "/metrics"), EndsWith("\r\n\r\n"));
}

TEST_F(MetricsServerTest, NothingElseIsServed) {
  EXPECT_THAT(ask_for("GET", "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask_for("GET", "/metrics/../etc/passwd"), StartsWith("HTTP/1.1 404 "));
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    EXPECT_THAT(ask_for(method, "/metrics"), StartsWith("HTTP/1.1 405 ")) << method;
  }
  for (const char* body : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
                           "Content-Length: 0\r\nContent-Length: 0\r\n"}) {
    EXPECT_THAT(ask_for("GET", "/metrics", body), StartsWith("HTTP/1.1 405 ")) << body;
  }
  EXPECT_THAT(ask_for("GET", "/" + std::string(9000, 'a')), Not(HasSubstr(" 200 ")));
  EXPECT_THAT(ask("garbage\r\n\r\n"), Not(HasSubstr(" 200 ")));
}

TEST_F(MetricsServerTest, AConnectionHasOneAnswerAndIsThenClosed) {
  const std::string one = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string answer = ask(one + one);
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\na 1\n"));
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
}

TEST_F(MetricsServerTest, APortThatIsTakenIsNamed) {
  const auto second = MetricsServer::start({"127.0.0.1", server_->port()}, "");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

TEST(HttpEndpoint, IsOnLoopbackUnlessAnAddressIsSaid) {
  EXPECT_EQ(parse_http_endpoint("9464").value(), (HttpEndpoint{"127.0.0.1", 9464}));
  EXPECT_EQ(parse_http_endpoint(":0").value(), (HttpEndpoint{"127.0.0.1", 0}));
  EXPECT_EQ(parse_http_endpoint("0.0.0.0:9464").value(), (HttpEndpoint{"0.0.0.0", 9464}));
  EXPECT_EQ(parse_http_endpoint("[::1]:65535").value(), (HttpEndpoint{"::1", 65535}));
}

TEST(HttpEndpoint, WhatIsNoneIsRefused) {
  for (const char* text : {"", "a", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "::1:9464", "a:9464x", "a: 1", "a:+1"}) {
    const auto endpoint = parse_http_endpoint(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code, Code::invalid_input) << text;
  }
}

}  // namespace
}  // namespace extreq::host
