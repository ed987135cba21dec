#include "message/seal.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "message/test_ends.hpp"

namespace extreq::message {
namespace {

using abi::snp::MessageType;

Envelope report_request(std::uint64_t seqno = 1) {
  return {.type = MessageType::report_req, .version = 1, .vmpck = 2, .seqno = seqno};
}

TEST(Seal, OpensToTheSamePayloadAndEnvelope) {
  const Vmpck key = key_of(7);
  Page page;
  const Bytes payload = to_bytes("sixteen and more bytes of payload");
  ASSERT_TRUE(seal(key, report_request(5), payload, page));
  EXPECT_EQ(open(key, page), payload);
  const auto envelope = read_envelope(page);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->type, MessageType::report_req);
  EXPECT_EQ(envelope->version, 1);
  EXPECT_EQ(envelope->vmpck, 2);
  EXPECT_EQ(envelope->seqno, 5U);
  EXPECT_EQ(std::search(page.begin(), page.end(), payload.begin(), payload.end()), page.end());
}

TEST(Seal, EmptyAndFullPayloadsTravel) {
  const Vmpck key = key_of(7);
  Page page;
  for (const std::size_t size : {std::size_t{0}, abi::snp::message_payload_max}) {
    const Bytes payload(size, 0x5A);
    ASSERT_TRUE(seal(key, report_request(), payload, page));
    EXPECT_EQ(open(key, page), payload);
  }
}

TEST(Seal, RefusesWhatTheFormatCannotHold) {
  const Vmpck key = key_of(7);
  Page page;
  page.fill(0xEE);
  EXPECT_EQ(seal(key, report_request(), Bytes(4001), page).error().message,
            "guest message: payload has 4001 bytes, at most 4000 fit");
  EXPECT_TRUE(all_zero(page));
  EXPECT_EQ(seal(key, report_request(0), {}, page).error().code, Code::invalid_input);
  Envelope envelope = report_request();
  envelope.vmpck = 4;
  EXPECT_EQ(seal(key, envelope, {}, page).error().code, Code::invalid_input);
}

TEST(Seal, AnotherKeyDoesNotOpenIt) {
  Page page;
  ASSERT_TRUE(seal(key_of(7), report_request(), to_bytes("x"), page));
  EXPECT_EQ(open(key_of(8), page).error().code, Code::not_genuine);
}

TEST(Seal, EveryDamagedBitOfHeaderAndPayloadIsRefused) {
  const Vmpck key = key_of(7);
  Page page;
  ASSERT_TRUE(seal(key, report_request(), Bytes(0x60, 0xA5), page));
  for (std::size_t at = 0; at < sizeof(abi::snp::MessageHeader) + 0x60; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      page[at] = static_cast<std::uint8_t>(page[at] ^ (1U << bit));
      EXPECT_FALSE(open(key, page)) << "byte " << at << " bit " << bit;
      page[at] = static_cast<std::uint8_t>(page[at] ^ (1U << bit));
    }
  }
  EXPECT_TRUE(open(key, page));
}

TEST(Seal, HeaderErrorsNameTheFieldTheValueAndTheRule) {
  const Vmpck key = key_of(7);
  Page page;
  ASSERT_TRUE(seal(key, report_request(), {}, page));
  const auto message_with = [&](std::size_t at, std::uint8_t value) {
    Page damaged = page;
    damaged[at] = value;
    const auto result = read_envelope(damaged);
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_EQ(message_with(0x30, 2), "guest message: ALGO is 0x2, 0x1 is required");
  EXPECT_EQ(message_with(0x31, 0), "guest message: HDR_VERSION is 0x0, 0x1 is required");
  EXPECT_EQ(message_with(0x32, 0x61), "guest message: HDR_SIZE is 0x61, 0x60 is required");
  EXPECT_EQ(message_with(0x37, 0x10), "guest message: MSG_SIZE is 4096, at most 4000 is allowed");
  EXPECT_EQ(message_with(0x3C, 4), "guest message: MSG_VMPCK is 4, 0 to 3 is required");
  EXPECT_EQ(message_with(0x38, 1),
            "guest message: reserved field at 0x38 is 01000000, all zero is required");
}

}  // namespace
}  // namespace extreq::message
