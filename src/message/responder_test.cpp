#include "message/responder.hpp"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "message/seal.hpp"
#include "message/test_ends.hpp"

namespace extreq::message {
namespace {

using abi::snp::MessageType;

Page sealed(std::uint8_t vmpck, std::uint64_t seqno) {
  Page page;
  EXPECT_TRUE(seal(key_of(vmpck), {MessageType::report_req, 1, vmpck, seqno}, Bytes{1}, page));
  return page;
}

TEST(Responder, CountsEachKeyOnItsOwn) {
  Responder psp = firmware({0, 10, 0, 0});
  EXPECT_TRUE(psp.open(sealed(0, 1)));
  EXPECT_TRUE(psp.open(sealed(1, 11)));
  EXPECT_FALSE(psp.open(sealed(1, 1)));
  Page response;
  ASSERT_TRUE(psp.respond({MessageType::report_req, 1, 1, 11}, {}, response));
  EXPECT_EQ(psp.counters(), (Responder::Counters{0, 12, 0, 0}));
}

TEST(Responder, OpeningDoesNotAdvanceAndAReplayAfterTheResponseIsRefused) {
  Responder psp = firmware();
  const Page request = sealed(0, 1);
  ASSERT_TRUE(psp.open(request));
  ASSERT_TRUE(psp.open(request));
  Page response;
  ASSERT_TRUE(psp.respond({MessageType::report_req, 1, 0, 1}, {}, response));
  EXPECT_EQ(psp.open(request).error().message, "VMPCK0: request has MSG_SEQNO 1, 3 is the next");
  EXPECT_EQ(psp.open(request).error().code, Code::closed);
}

TEST(Responder, NeverRespondsTwiceToOneRequest) {
  Responder psp = firmware();
  Page first;
  Page second;
  const Envelope request{MessageType::report_req, 1, 0, 1};
  ASSERT_TRUE(psp.respond(request, Bytes{1}, first));
  second.fill(0xEE);
  EXPECT_EQ(psp.respond(request, Bytes{2}, second).error().code, Code::closed);
  EXPECT_TRUE(std::ranges::all_of(second, [](auto byte) { return byte == 0xEE; }));
}

TEST(Responder, ATagUnderTheWrongKeyIsNotGenuine) {
  Responder psp = firmware();
  Page page;
  ASSERT_TRUE(seal(key_of(9), {MessageType::report_req, 1, 0, 1}, Bytes{1}, page));
  EXPECT_EQ(psp.open(page).error().code, Code::not_genuine);
}

TEST(Responder, StopsBeforeTheCounterWraps) {
  const auto max = std::numeric_limits<std::uint64_t>::max();
  Responder psp = firmware({max - 1, max - 2, 0, 0});
  EXPECT_EQ(psp.open(sealed(0, max)).error().code, Code::closed);
  EXPECT_TRUE(psp.open(sealed(1, max - 1)));
}

}  // namespace
}  // namespace extreq::message
