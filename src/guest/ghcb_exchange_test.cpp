#include "guest/ghcb_exchange.hpp"

#include <gmock/gmock.h>

#include "guest/test_host.hpp"

namespace extreq::guest {
namespace {

using testing::HasSubstr;

TEST(SharedPages, MustBeAlignedApartAndNotWrapAround) {
  EXPECT_TRUE(check(test_pages));
  const auto message = [](auto change) {
    SharedPages pages = test_pages;
    change(pages);
    const auto status = check(pages);
    return status ? std::string("accepted") : status.error().message;
  };
  EXPECT_THAT(message([](auto& p) { p.ghcb += 8; }), HasSubstr("GHCB at 0x10008: not page"));
  EXPECT_THAT(message([](auto& p) { p.request += 1; }), HasSubstr("request page"));
  EXPECT_THAT(message([](auto& p) { p.response += 0x800; }), HasSubstr("response page"));
  EXPECT_THAT(message([](auto& p) { p.certificates += 16; }), HasSubstr("certificate pages"));
  EXPECT_THAT(message([](auto& p) { p.response = p.request; }), HasSubstr("overlap"));
  EXPECT_THAT(message([](auto& p) { p.ghcb = p.certificates + 0x3000; }), HasSubstr("overlap"));
  EXPECT_THAT(message([](auto& p) { p.certificates = 0x1F000; }), HasSubstr("overlap"));
  EXPECT_THAT(message([](auto& p) { p.certificates = ~std::uint64_t{0xFFF}; }), HasSubstr("wrap"));
  EXPECT_THAT(message([](auto& p) { p.certificate_pages = ~std::uint64_t{0}; }), HasSubstr("wrap"));
}

TEST(SharedPages, NoCertificatePagesAreFineAnywhere) {
  SharedPages pages = test_pages;
  pages.certificate_pages = 0;
  pages.certificates = pages.request;
  EXPECT_TRUE(check(pages));
}

class Exchange : public testing::Test {
 protected:
  message::Page message_of(std::uint8_t seqno) {
    message::Requester requester = test_requester(7, seqno - 1U);
    EXPECT_TRUE(requester.seal(abi::snp::MessageType::report_req, 1, Bytes(96)));
    message::Page page;
    std::ranges::copy(*requester.pending(), page.begin());
    return page;
  }

  TestHost host_;
  GhcbExchange exchange_{host_, test_pages};
};

TEST_F(Exchange, APlainRequestOffersNoPages) {
  const auto message = message_of(1);
  ASSERT_TRUE(exchange_.place(message, std::nullopt));
  host_.script.push_back([](TestHost& host, const auto&) { host.answer(0, 0); });
  EXPECT_EQ(exchange_.exit(ExitKind::plain)->kind, GhcbReturn::Kind::answered);
  const auto& exit = host_.exits.at(0);
  EXPECT_EQ(exit.code, abi::ghcb::event::guest_request);
  EXPECT_EQ(exit.request, message);
  EXPECT_FALSE(exit.rax);
  EXPECT_FALSE(exit.rbx);
}

TEST_F(Exchange, AnExtendedRequestOffersItsPages) {
  ASSERT_TRUE(exchange_.place(message_of(1), 3));
  host_.script.push_back([](TestHost& host, const auto&) { host.answer(0, 0); });
  ASSERT_TRUE(exchange_.exit(ExitKind::extended));
  const auto& exit = host_.exits.at(0);
  EXPECT_EQ(exit.code, abi::ghcb::event::extended_guest_request);
  EXPECT_EQ(exit.rax, test_pages.certificates);
  EXPECT_EQ(exit.rbx, 3U);
}

TEST_F(Exchange, NothingOfTheLastRequestIsLeftInTheSharedPages) {
  host_.put(test_pages.response, Bytes(4096, 0xDD));
  host_.put(test_pages.certificates, Bytes(4096, 0xDD));
  host_.put(test_pages.ghcb, Bytes(4096, 0xDD));
  ASSERT_TRUE(exchange_.place(message_of(1), 1));
  EXPECT_TRUE(all_zero(host_.get(test_pages.response, 4096)));
  EXPECT_TRUE(all_zero(host_.get(test_pages.certificates, 24)));
  EXPECT_TRUE(all_zero(host_.get(test_pages.ghcb + offsetof(abi::ghcb::Page, shared_buffer),
                                 abi::ghcb::shared_buffer_size)));
  EXPECT_TRUE(all_zero(host_.get(test_pages.ghcb + offsetof(abi::ghcb::Page, rcx), 8)));
}

TEST_F(Exchange, AnOfferOfNoPagesTouchesNone) {
  host_.put(test_pages.certificates, Bytes(4096, 0xDD));
  ASSERT_TRUE(exchange_.place(message_of(1), 0));
  EXPECT_EQ(host_.get(test_pages.certificates, 24), Bytes(24, 0xDD));
}

TEST_F(Exchange, AHostThatResumesWithoutAnAnswerHasFailed) {
  // At these addresses the exit's own inputs would read as "no action" and BUSY.
  const SharedPages pages{.ghcb = 0x10000, .request = 0x100000000, .response = 0x200000000};
  TestHost host(pages);
  host.script.emplace_back([](TestHost&, const auto&) {});
  GhcbExchange exchange(host, pages);
  ASSERT_TRUE(exchange.place(message_of(1), std::nullopt));
  const auto answer = exchange.exit(ExitKind::plain);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, GhcbReturn::Kind::failed);
  EXPECT_THAT(answer->why, HasSubstr("without an answer"));
}

TEST_F(Exchange, FailuresOfThePortArriveUnchanged) {
  const Error gone{Code::closed, "the machine is gone"};
  ASSERT_TRUE(exchange_.place(message_of(1), 1));
  host_.vmgexit_error = gone;
  EXPECT_EQ(exchange_.exit(ExitKind::plain).error().message, gone.message);
  host_.vmgexit_error.reset();
  host_.read_error = gone;
  EXPECT_FALSE(exchange_.exit(ExitKind::plain));
  EXPECT_FALSE(exchange_.fetch_response());
  EXPECT_FALSE(exchange_.fetch_table(1));
  host_.write_error = gone;
  EXPECT_FALSE(exchange_.place(message_of(1), 1));
}

TEST_F(Exchange, CopiesAreOfTheWholePages) {
  host_.put(test_pages.response, Bytes(4096, 0xA1));
  host_.put(test_pages.certificates, Bytes(2 * 4096, 0xB2));
  message::Page expected;
  expected.fill(0xA1);
  EXPECT_EQ(*exchange_.fetch_response(), expected);
  EXPECT_EQ(*exchange_.fetch_table(2), Bytes(2 * 4096, 0xB2));
}

}  // namespace
}  // namespace extreq::guest
