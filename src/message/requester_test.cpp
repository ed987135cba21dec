#include "message/requester.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "message/seal.hpp"
#include "message/test_ends.hpp"

namespace extreq::message {
namespace {

using abi::snp::MessageType;

Page copy_of(PageView view) {
  Page page;
  std::ranges::copy(view, page.begin());
  return page;
}

TEST(Requester, TalksToAResponderForManyMessages) {
  Requester guest(key_of(1), 1);
  Responder psp = firmware();
  for (std::uint8_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(guest.seal(MessageType::report_req, 1, Bytes{i}));
    const auto request = psp.open(*guest.pending());
    ASSERT_TRUE(request);
    EXPECT_EQ(request->envelope.seqno, 2U * i + 1);
    EXPECT_EQ(request->payload, Bytes{i});
    Page response;
    ASSERT_TRUE(psp.respond(request->envelope, Bytes{i, i}, response));
    EXPECT_EQ(guest.open_response(response), (Bytes{i, i}));
    EXPECT_EQ(guest.last_seqno(), 2U * i + 2);
    EXPECT_FALSE(guest.pending());
  }
}

TEST(Requester, NeverSealsASecondMessageWhileOneIsPending) {
  Requester guest(key_of(1), 1);
  ASSERT_TRUE(guest.seal(MessageType::report_req, 1, Bytes{1}));
  const Page first = copy_of(*guest.pending());
  const auto second = guest.seal(MessageType::report_req, 1, Bytes{2});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::busy);
  EXPECT_EQ(copy_of(*guest.pending()), first);
}

TEST(Requester, AnyWrongResponseRetiresTheKeyForGood) {
  struct Case {
    const char* what;
    Envelope envelope;
    std::uint8_t key;
  };
  const Envelope right{MessageType::report_rsp, 1, 1, 2};
  const std::array cases{
      Case{"type", {MessageType::key_rsp, 1, 1, 2}, 1},
      Case{"version", {MessageType::report_rsp, 2, 1, 2}, 1},
      Case{"key number", {MessageType::report_rsp, 1, 0, 2}, 1},
      Case{"seqno too low", {MessageType::report_rsp, 1, 1, 1}, 1},
      Case{"seqno too high", {MessageType::report_rsp, 1, 1, 4}, 1},
      Case{"key", right, 3},
  };
  for (const Case& wrong : cases) {
    Requester guest(key_of(1), 1);
    ASSERT_TRUE(guest.seal(MessageType::report_req, 1, Bytes{1}));
    Page response;
    ASSERT_TRUE(seal(key_of(wrong.key), wrong.envelope, Bytes{9}, response));
    EXPECT_FALSE(guest.open_response(response)) << wrong.what;
    EXPECT_TRUE(guest.retired()) << wrong.what;
    EXPECT_FALSE(guest.pending()) << wrong.what;
    EXPECT_EQ(guest.seal(MessageType::report_req, 1, Bytes{1}).error().code, Code::closed);
    ASSERT_TRUE(seal(key_of(1), right, Bytes{9}, response));
    EXPECT_FALSE(guest.open_response(response)) << wrong.what;
  }
}

TEST(Requester, EveryDamagedByteOfAResponseRetiresTheKey) {
  Page response;
  ASSERT_TRUE(seal(key_of(1), {MessageType::report_rsp, 1, 1, 2}, Bytes(32, 9), response));
  for (std::size_t at = 0; at < sizeof(abi::snp::MessageHeader) + 32; ++at) {
    Requester guest(key_of(1), 1);
    ASSERT_TRUE(guest.seal(MessageType::report_req, 1, Bytes{1}));
    Page damaged = response;
    damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ 0x40U);
    EXPECT_FALSE(guest.open_response(damaged)) << at;
    EXPECT_TRUE(guest.retired()) << at;
  }
}

TEST(Requester, AResponseWithoutARequestChangesNothing) {
  Requester guest(key_of(1), 1);
  Page response;
  ASSERT_TRUE(seal(key_of(1), {MessageType::report_rsp, 1, 1, 2}, Bytes{9}, response));
  EXPECT_EQ(guest.open_response(response).error().code, Code::closed);
  EXPECT_FALSE(guest.retired());
  EXPECT_TRUE(guest.seal(MessageType::report_req, 1, Bytes{1}));
}

TEST(Requester, StopsAtTheEndOfThirtyTwoBits) {
  Requester last(key_of(1), 1, 0xFFFFFFFD);
  EXPECT_TRUE(last.seal(MessageType::report_req, 1, {}));
  Requester over(key_of(1), 1, 0xFFFFFFFE);
  EXPECT_EQ(over.seal(MessageType::report_req, 1, {}).error().code, Code::unsupported);
}

TEST(Requester, APayloadThatDoesNotFitTakesNoNumber) {
  Requester guest(key_of(1), 1);
  EXPECT_FALSE(guest.seal(MessageType::report_req, 1, Bytes(4001)));
  EXPECT_FALSE(guest.pending());
  ASSERT_TRUE(guest.seal(MessageType::report_req, 1, {}));
  EXPECT_EQ(read_envelope(*guest.pending())->seqno, 1U);
}

}  // namespace
}  // namespace extreq::message
