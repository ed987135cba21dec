// The server against clients that do as they like, over raw connections.
#include "fleet/mirror_server.hpp"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "fleet/memory_ledger.hpp"
#include "fleet/sqlite_records.hpp"
#include "fleet/test_service.hpp"
#include "http/test_talk.hpp"

namespace extreq::fleet {
namespace {

using namespace std::chrono_literals;
using http::answers_in;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string token(40, 't');
constexpr unsigned threads = 4;

// A database that does not answer for as long as the gate is closed.
class GatedLedger final : public WorkLedger {
 public:
  explicit GatedLedger(Clock& clock) : next_(clock) {}

  Result<bool> claim(const std::string& item, const std::string& owner,
                     Clock::Duration lease) override {
    return next_.claim(item, owner, lease);
  }
  Status release(const std::string& item, const std::string& owner) override {
    return next_.release(item, owner);
  }
  Result<Clock::Duration> take_token(const Route& route) override {
    return next_.take_token(route);
  }
  Status pause(const Route& route, Clock::Duration silence) override {
    return next_.pause(route, silence);
  }
  Status remember_absent(const std::string& item, Clock::Duration memory) override {
    return next_.remember_absent(item, memory);
  }
  Result<bool> is_absent(const std::string& item) override {
    ++asked;
    closed.wait(true);
    return next_.is_absent(item);
  }

  std::atomic<unsigned> asked = 0;
  std::atomic<bool> closed = false;

 private:
  MemoryLedger next_;
};

class MirrorServerTest : public testing::Test {
 protected:
  MirrorServerTest() {
    EXPECT_TRUE(replace_file(tokens_, to_bytes(token + "\n"), 0600));
    Upstream::Options upstream;
    upstream.base_url = TestService::url;
    upstream.anchors = service_.anchors();
    upstream_ = std::make_unique<Upstream>(service_, *place_.store, *records_, upstream);
    Mirror::Options options;
    options.scheduler.owner = "this one";
    options.scheduler.routes = {{"direct", 0s, 1}};
    mirror_ = std::make_unique<Mirror>(*place_.store, *records_, ledger_,
                                       std::vector{upstream_.get()}, std::move(options));
    desk_ = std::make_unique<ReportDesk>(*records_, ReportTokens::load(tokens_).value());
  }
  void start(bool with_desk = true) {
    server_ =
        MirrorServer::start(*mirror_, with_desk ? desk_.get() : nullptr, "127.0.0.1", 0, threads)
            .value();
  }

  std::string talk(const std::vector<std::string>& parts) {
    return http::talk_http(server_->port(), parts);
  }
  std::string talk(const std::string& request) { return talk(std::vector{request}); }
  std::string post(const std::string& body, const std::string& headers) {
    return talk("POST /fleet/v1/hosts HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers +
                "\r\n" + body);
  }
  std::string post_report(const std::string& body, const std::string& with_token) {
    return post(body, "Authorization: Bearer " + with_token +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n");
  }
  std::size_t hosts() { return records_->hosts({})->size(); }

  Clock& clock_ = system_clock();
  GatedLedger ledger_{clock_};
  TestService service_{clock_};
  TestStore place_;
  std::unique_ptr<SqliteRecords> records_ =
      SqliteRecords::open(place_.folder.path() + "/store.db").value();
  std::string tokens_ = place_.folder.path() + "/tokens";
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<Mirror> mirror_;
  std::unique_ptr<ReportDesk> desk_;
  std::unique_ptr<MirrorServer> server_;
};

const std::string report_line =
    "Turin a0a0a0a0a0a0a0a0 fmc=1,bl=2,tee=3,snp=4,ucode=5 fmc=1,bl=2,tee=3,snp=4,ucode=6\n";

TEST_F(MirrorServerTest, ALeafComesWithItsHeaders) {
  start();
  const std::string answer =
      talk("GET " + service_.path(1) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/octet-stream\r\n"));
  EXPECT_THAT(answer, HasSubstr("immutable"));
  const auto leaf = service_.leaf(1).der();
  EXPECT_TRUE(answer.ends_with(std::string(leaf.begin(), leaf.end())));
}

TEST_F(MirrorServerTest, AHostThatKnowsATokenIsNoted) {
  start();
  EXPECT_THAT(post_report(report_line, token), StartsWith("HTTP/1.1 204 "));
  ASSERT_EQ(hosts(), 1U);
  EXPECT_EQ(host::to_line(records_->hosts({})->at(0).report), report_line);
  EXPECT_THAT(talk("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              HasSubstr("extreq_mirror_host_reports_total{result=\"taken\"} 1\n"));
}

TEST_F(MirrorServerTest, WithoutTheTokenNothingIsNotedAndNothingIsTold) {
  start();
  for (const std::string& wrong :
       {std::string(), std::string(40, 'x'), token.substr(1), token + "t"}) {
    const std::string answer = post_report(report_line, wrong);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer"));
    EXPECT_THAT(answer, Not(HasSubstr(token.substr(0, 8))));
  }
  const std::string length = "Content-Length: " + std::to_string(report_line.size()) + "\r\n";
  EXPECT_THAT(post(report_line, length), StartsWith("HTTP/1.1 401 "));
  EXPECT_EQ(hosts(), 0U);
}

TEST_F(MirrorServerTest, WhoKnowsTheTokenSpeaksForAnyHost) {
  start();
  EXPECT_THAT(post_report(report_line, token), StartsWith("HTTP/1.1 204 "));
  std::string other = report_line;
  other.replace(other.find("ucode=5"), 7, "ucode=9");
  EXPECT_THAT(post_report(other, token), StartsWith("HTTP/1.1 204 "));
  ASSERT_EQ(hosts(), 1U);
  EXPECT_EQ(records_->hosts({})->at(0).report.reported_tcb.microcode, 9);
}

TEST_F(MirrorServerTest, WhatIsNoReportIs400) {
  start();
  for (const std::string& body : {std::string("x"), report_line + report_line,
                                  std::string(1024, 'a'), std::string(1000, '\0')}) {
    EXPECT_THAT(post_report(body, token), StartsWith("HTTP/1.1 400 "));
  }
  EXPECT_EQ(hosts(), 0U);
}

TEST_F(MirrorServerTest, ABodyWithoutAHonestLengthIsRefusedUnread) {
  start();
  const std::string authorized = "Authorization: Bearer " + token + "\r\n";
  for (const std::string& headers :
       {std::string("Transfer-Encoding: chunked\r\n"), std::string("Content-Length: 1025\r\n"),
        std::string(),
        "Content-Length: 10\r\nContent-Length: " + std::to_string(report_line.size()) + "\r\n"}) {
    const std::string answer = post(report_line, authorized + headers);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 ")) << headers;
    EXPECT_EQ(answers_in(answer), 1U) << headers;
  }
  // Refused by libmicrohttpd (the last by 1.0 alone), of which 0.9.75 sends its refusal's head
  // twice.
  for (const std::string& headers :
       {std::string("Content-Length: 99999999999999999999\r\n"),
        std::string("Content-Length: -1\r\n"), std::string("Content-Length: 0x10\r\n"),
        std::string("Content-Length: 10\r\nTransfer-Encoding: chunked\r\n")}) {
    const std::string answer = post(report_line, authorized + headers);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 4")) << headers;
    EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1 2"))) << headers;
  }
  EXPECT_EQ(hosts(), 0U);
}

TEST_F(MirrorServerTest, NothingOfABodyIsTakenForTheNextRequest) {
  start();
  const std::string hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string length = "Content-Length: " + std::to_string(hidden.size()) + "\r\n";
  for (const std::string& first :
       {"GET /healthz HTTP/1.1\r\nHost: a\r\n" + length, "PUT / HTTP/1.1\r\nHost: a\r\n" + length,
        "POST / HTTP/1.1\r\nHost: a\r\n" + length, "DELETE / HTTP/1.1\r\nHost: a\r\n" + length,
        "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + length,
        std::string("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n")}) {
    const std::string answer = talk({first + "\r\n", hidden});
    EXPECT_EQ(answers_in(answer), 1U) << first << answer;
    EXPECT_THAT(answer, Not(HasSubstr(" 200 "))) << first;
  }
}

TEST_F(MirrorServerTest, RequestsWithoutBodiesShareAConnection) {
  start();
  const std::string one = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string last = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(answers_in(talk({one, one, last})), 3U);
}

TEST_F(MirrorServerTest, RequestsThatComeAtOnceAreAnsweredInTheirOrder) {
  start();
  std::string all;
  for (int i = 0; i < 40; ++i) {  // more than one read has
    all += std::string("GET ") + (i % 2 == 0 ? "/healthz" : "/none") +
           " HTTP/1.1\r\nHost: a\r\nX-Filler: " + std::string(200, 'x') + "\r\n\r\n";
  }
  all += "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string answer = talk(all);
  EXPECT_EQ(answers_in(answer), 41U);
  std::size_t at = 0;
  for (int i = 0; i < 41; ++i) {
    at = answer.find("HTTP/1.1 ", at);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(answer.substr(at + 9, 3), i % 2 == 0 ? "200" : "404") << i;
    ++at;
  }
}

TEST_F(MirrorServerTest, WhatFollowsARequestThatCannotBeReadIsNoRequest) {
  start();
  const std::string hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const std::string& broken :
       {std::string("garbage\r\n"), "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n",
        std::string("GET / HTTP/7.0\r\n\r\n"),
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(hidden.size()) +
            "\r\n\r\n"}) {
    const std::string answer = talk(broken + hidden + hidden);
    EXPECT_LE(answers_in(answer), 1U) << broken.substr(0, 40);
    EXPECT_THAT(answer, Not(HasSubstr(" 200 "))) << broken.substr(0, 40);
  }
}

TEST_F(MirrorServerTest, APortThatIsTakenIsNamedAndNotShared) {
  start();
  const auto second = MirrorServer::start(*mirror_, nullptr, "127.0.0.1", server_->port(), 4);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

TEST_F(MirrorServerTest, ItsHealthIsToldWhileTheDatabaseHangsAndAllThreadsWaitForIt) {
  ledger_.closed = true;
  start();
  std::vector<UniqueFd> waiting;
  for (unsigned i = 0; i < threads; ++i) {
    waiting.push_back(http::connect_to_loopback(server_->port()));
    ASSERT_TRUE(http::send_to(waiting.back(), "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"));
  }
  while (ledger_.asked < threads) std::this_thread::yield();
  EXPECT_THAT(talk("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
  ledger_.closed = false;
  ledger_.closed.notify_all();
  for (const UniqueFd& peer : waiting) {
    EXPECT_THAT(http::receive_answer(peer), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(MirrorServerTest, WithoutADeskNobodyReports) {
  start(false);
  EXPECT_THAT(post_report(report_line, token), StartsWith("HTTP/1.1 405 "));
  EXPECT_EQ(hosts(), 0U);
}

}  // namespace
}  // namespace extreq::fleet
