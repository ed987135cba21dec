// The server against scrapers that do as they like, over raw connections.
#include "host/metrics_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/test_http_talk.hpp"

namespace extreq::host {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MetricsServerTest : public testing::Test {
 protected:
  std::string ask(const std::string& request) { return talk_http(server_->port(), {request}); }
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
