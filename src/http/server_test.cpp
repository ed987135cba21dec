// What a client gets, over raw connections.
#include "http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_server.hpp"
#include "http/test_talk.hpp"

namespace extreq::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::size_t longest_body = 100;

Response echo(const Request& request) {
  return {
      200,
      "text/plain",
      request.method + " " + request.target + " [" + request.authorization + "] " + request.body,
      {{"Retry-After", "7"}},
      request.path() == "/half"};
}

class HttpServerTest : public testing::Test {
 protected:
  std::string talk(const std::vector<std::string>& parts) {
    return talk_http(server_->port(), parts);
  }
  std::string talk(const std::string& request) { return talk(std::vector{request}); }
  std::string ask(const std::string& line, const std::string& headers = "",
                  const std::string& body = "") {
    return talk(line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + "\r\n" + body);
  }

  TestHandler handler_{&echo};
  std::unique_ptr<Server> server_ = Server::start(handler_, {.body_max = longest_body}).value();
};

TEST_F(HttpServerTest, ARequestIsAnsweredWithTheHandlersStatusHeadersAndBody) {
  const std::string answer = ask("GET /a?b=%20c", "Authorization: Bearer x\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 7\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /a?b=%20c [Bearer x] "));
}

TEST_F(HttpServerTest, HeadGetsTheHeadersOfGet) {
  const std::string answer = ask("HEAD /a");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, ABodyArrivesWholeThoughItComesInPieces) {
  const std::string head =
      "POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\n";
  EXPECT_THAT(ask("POST /p", "Content-Length: 6\r\n", "abcdef"), EndsWith("POST /p [] abcdef"));
  const UniqueFd peer = connect_to_loopback(server_->port());
  for (const char piece : head + "abcdef") ASSERT_TRUE(send_to(peer, std::string(1, piece)));
  EXPECT_THAT(receive_all(peer), EndsWith("POST /p [] abcdef"));
}

TEST_F(HttpServerTest, ARequestWithoutAHonestLengthIsRefusedUnreadAndTheConnectionEnds) {
  const std::string next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::string& head :
       {std::string("GET / HTTP/1.1\r\nContent-Length: 9\r\n"),
        std::string("HEAD / HTTP/1.1\r\nContent-Length: 9\r\n"),
        std::string("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"),
        std::string("GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n"),
        std::string("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n"),
        std::string("GET / HTTP/1.1\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n"),
        std::string("POST / HTTP/1.1\r\n"), std::string("POST / HTTP/1.1\r\nContent-Length:\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 101\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 0x9\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: +9\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -9\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 9, 9\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 9\r\nContent-Length: 9\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n"),
        std::string("PUT / HTTP/1.1\r\nContent-Length: 9\r\n"),
        std::string("PATCH / HTTP/1.1\r\nContent-Length: 9\r\n")}) {
    const std::string answer = talk({head + "Host: a\r\n\r\n", next, next});
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 4")) << head;
    EXPECT_THAT(answer, Not(HasSubstr(" 200 "))) << head;
  }
  EXPECT_EQ(handler_.asked, 0U);
}

TEST_F(HttpServerTest, OtherMethodsAreRefusedByName) {
  for (const char* method : {"PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "X"}) {
    const std::string answer = ask(std::string(method) + " /");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD")) << method;
  }
  TestHandler handler(&echo);
  const auto without_bodies = Server::start(handler, {}).value();
  EXPECT_THAT(talk_http(without_bodies->port(), {"POST / HTTP/1.1\r\nHost: a\r\nConnection: close"
                                                 "\r\nContent-Length: 0\r\n\r\n"}),
              StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpServerTest, RequestsThatComeAtOnceAreAnsweredInTheirOrder) {
  std::string all;
  for (int i = 0; i < 40; ++i) {  // more than one read has
    all += "GET " + (i % 3 == 0 ? "/now" : "/n" + std::to_string(i)) +
           " HTTP/1.1\r\nHost: a\r\nX-Filler: " + std::string(200, 'x') + "\r\n\r\n";
  }
  all += "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string answer = talk(all);
  EXPECT_EQ(answers_in(answer), 41U);
  std::size_t at = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string body =
        i % 3 == 0 ? "\r\n\r\nnow\n" : "\r\n\r\nGET /n" + std::to_string(i) + " [] ";
    at = answer.find(body, at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_THAT(answer, EndsWith("GET /last [] "));
}

TEST_F(HttpServerTest, WhatFollowsARequestThatCannotBeReadIsNoRequest) {
  const std::string next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string twice = next + next;
  for (const std::string& broken :
       {std::string("garbage\r\n"), std::string("GET / HTTP/7.0\r\n\r\n"),
        std::string("GET /a b HTTP/1.1\r\n\r\n"), "GET / HTTP/1.1\r\n\r\n" + next,
        "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'a') + "\r\n\r\n"}) {
    const std::string answer = talk(broken + twice);
    EXPECT_THAT(answer, Not(HasSubstr(" 200 "))) << broken.substr(0, 40);
  }
  EXPECT_EQ(handler_.asked, 0U);
}

TEST_F(HttpServerTest, AResponseThatIsTruncatedEndsTheConnectionInTheMiddle) {
  const std::string answer = talk("GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /h"));
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamedAndNotShared) {
  TestHandler handler(&echo);
  const auto second = Server::start(handler, {.port = server_->port()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
  const auto nowhere = Server::start(handler, {.address = "192.0.2.1"});  // RFC 5737: nobody's
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("192.0.2.1"));
}

}  // namespace
}  // namespace extreq::http
