// GhcbChannel with hosts that keep the rules.
#include "guest/ghcb_channel.hpp"

#include <gmock/gmock.h>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "guest/test_host.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;
namespace request = abi::ghcb::guest_request;
using testing::HasSubstr;

class Channel : public testing::Test {
 protected:
  static void busy(TestHost& host, const TestHost::Exit&) {
    host.vmm_error(request::vmm_error_busy);
  }
  std::unique_ptr<GhcbChannel> channel_with(RetryLimits limits) {
    return test_channel(host_, clock_, {.limits = limits, .stop = {}});
  }

  TestHost host_;
  ManualClock clock_;
  std::unique_ptr<GhcbChannel> channel_ = test_channel(host_, clock_);
};

TEST_F(Channel, GivesThePlainReport) {
  const auto reply = channel_->report(test_query());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->report, host_.reports.at(0));
  EXPECT_EQ(reply->notes.sends, 1U);
  EXPECT_EQ(host_.exits.size(), 1U);
  EXPECT_FALSE(host_.exits[0].extended());
  EXPECT_EQ(channel_->last_seqno(), 2U);
}

TEST_F(Channel, GivesTheReportWithTheTable) {
  host_.table = test_table(5000);
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence) << evidence.error().error.message;
  EXPECT_EQ(evidence->report, host_.reports.at(0));
  ASSERT_GE(evidence->certificate_table.size(), host_.table.size());
  EXPECT_TRUE(std::ranges::equal(host_.table, ByteView(evidence->certificate_table).first(5000)));
  EXPECT_FALSE(evidence->notes.no_certificates);
  EXPECT_EQ(host_.exits.size(), 1U);
}

TEST_F(Channel, SendsTheQueryToTheFirmwareAsItIs) {
  ReportQuery query = test_query(0x3C);
  query.vmpl = 3;
  query.key_sel = snp::key_sel_vcek;
  std::optional<snp::ReportRequest> seen;
  const auto answer = host_.firmware;
  host_.firmware = [&](const message::Request& asked) {
    EXPECT_EQ(asked.envelope.type, snp::MessageType::report_req);
    EXPECT_EQ(asked.envelope.version, 1);
    seen = ByteReader(asked.payload).object<snp::ReportRequest>();
    return answer(asked);
  };
  ASSERT_TRUE(channel_->report(query));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->report_data, query.report_data);
  EXPECT_EQ(seen->vmpl, 3U);
  EXPECT_EQ(seen->key_sel, snp::key_sel_vcek);
}

TEST_F(Channel, CountsOnOverManyRequestsOfEveryKind) {
  host_.table = test_table(5000);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(channel_->report(test_query()));
    ASSERT_TRUE(channel_->extended_report(test_query()));
    ASSERT_TRUE(channel_->derived_key({}));
  }
  EXPECT_EQ(channel_->last_seqno(), 120U);
  EXPECT_EQ(host_.emitted->size(), 60U);
}

// go-sev-guest#42, #102: hosts without certificates.
TEST_F(Channel, AnEmptyTableIsAPlainReportWithANote) {
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_TRUE(evidence->certificate_table.empty());
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::host_has_none);
  EXPECT_EQ(evidence->report, host_.reports.at(0));
}

TEST_F(Channel, AHostThatWritesNoTableAtAllLeavesAnEmptyOne) {
  host_.table = test_table(5000);
  ASSERT_TRUE(channel_->extended_report(test_query()));
  host_.script.push_back([](TestHost& host, const auto& exit) {
    host.respond(exit);
    host.answer(0, 0);
  });
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_TRUE(evidence->certificate_table.empty()) << "the last request's table";
}

TEST_F(Channel, AHostThatNeverHeardOfATableGetsThePlainRequestOfTheSameMessage) {
  host_.script.push_back([](TestHost& host, const auto&) {
    host.vmm_error(0, static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate));
  });
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence) << evidence.error().error.message;
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::host_has_none);
  ASSERT_EQ(host_.exits.size(), 2U);
  EXPECT_FALSE(host_.exits[1].extended());
  EXPECT_EQ(host_.exits[0].request, host_.exits[1].request);
  EXPECT_TRUE(channel_->usable());
}

TEST_F(Channel, AHostThatDoesNotKnowTheEventGetsThePlainRequest) {
  host_.script.push_back([](TestHost& host, const auto&) {
    host.answer(abi::ghcb::answer::malformed_input, abi::ghcb::malformed::invalid_event);
  });
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::not_supported);
}

TEST_F(Channel, ABufferThatIsTooSmallGrowsAndTheSameMessageIsSentAgain) {
  host_.table = test_table(6 * 4096 + 1);
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->certificate_table.size(), 7U * 4096);
  EXPECT_EQ(evidence->notes.table_growths, 1U);
  EXPECT_EQ(evidence->notes.pages_wanted, 7U);
  ASSERT_TRUE(evidence->notes.too_small);
  EXPECT_EQ(evidence->notes.too_small->pages_wanted, 7U);
  EXPECT_EQ(evidence->notes.too_small->driver_errno, 0) << "no driver is between";
  ASSERT_EQ(host_.exits.size(), 2U);
  EXPECT_TRUE(host_.exits[1].extended());
  EXPECT_EQ(host_.exits[1].rbx, 7U);
  EXPECT_EQ(host_.exits[0].request, host_.exits[1].request);
  EXPECT_EQ(host_.firmware_calls, 1U);
}

TEST_F(Channel, RemembersTheSizeThatSufficed) {
  host_.table = test_table(6 * 4096 + 1);
  ASSERT_TRUE(channel_->extended_report(test_query()));
  const auto second = channel_->extended_report(test_query());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->notes.sends, 1U);
}

TEST_F(Channel, AsksForTheSizeFirstWhenToldTo) {
  host_.table = test_table(5000);
  const auto channel = channel_with({.table_pages_first = 0});
  const auto evidence = channel->extended_report(test_query());
  ASSERT_TRUE(evidence);
  ASSERT_EQ(host_.exits.size(), 2U);
  EXPECT_EQ(host_.exits[0].rbx, 0U);
  EXPECT_EQ(host_.exits[1].rbx, 2U);
  EXPECT_FALSE(evidence->certificate_table.empty());
}

TEST_F(Channel, FollowsATableThatGrowsBetweenQueryAndFetch) {
  host_.table = test_table(5000);
  const auto grow = [](std::size_t size) {
    return [size](TestHost& host, const auto& exit) {
      host.table = test_table(size);
      host.honest(exit);
    };
  };
  host_.script = {grow(5000), grow(3 * 4096), grow(4 * 4096)};
  const auto channel = channel_with({.table_pages_first = 0});
  const auto evidence = channel->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.table_growths, 3U);
  EXPECT_EQ(evidence->certificate_table, host_.table);
  EXPECT_EQ(host_.emitted->size(), 1U);
}

TEST_F(Channel, ATableMayGrowAgainInEachCall) {
  const auto channel = channel_with({.table_pages_first = 1, .table_growths_max = 1});
  for (const std::size_t pages : {2U, 3U, 4U}) {
    host_.table = test_table(pages * 4096);
    const auto evidence = channel->extended_report(test_query());
    ASSERT_TRUE(evidence);
    EXPECT_EQ(evidence->certificate_table, host_.table);
  }
}

TEST_F(Channel, BurnsTheNumberWithAPlainRequestWhenTheTableIsTooLarge) {
  host_.table = test_table(65 * 4096);
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_TRUE(evidence->certificate_table.empty());
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::table_too_large);
  EXPECT_EQ(evidence->notes.pages_wanted, 65U);
  EXPECT_EQ(evidence->report, host_.reports.at(0));
  ASSERT_EQ(host_.exits.size(), 2U);
  EXPECT_FALSE(host_.exits[1].extended());
  EXPECT_EQ(host_.exits[0].request, host_.exits[1].request);
  EXPECT_TRUE(channel_->report(test_query())) << "the next request works";
}

TEST_F(Channel, BusyIsWaitedOutWithTheSameMessage) {
  host_.table = test_table(5000);
  host_.script = {busy, busy, busy};
  const auto start = clock_.now();
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.busy, 3U);
  EXPECT_EQ(evidence->notes.sends, 4U);
  EXPECT_EQ(clock_.now() - start, std::chrono::milliseconds(70));
  EXPECT_EQ(evidence->notes.busy_wait, clock_.now() - start);
  EXPECT_EQ(host_.emitted->size(), 1U);
  for (const auto& exit : host_.exits) EXPECT_EQ(exit.request, host_.exits[0].request);
}

TEST_F(Channel, ABusyHostLeavesTheMessagePendingAndTheSameQuestionTakesItUp) {
  host_.otherwise = busy;
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::busy);
  EXPECT_EQ(failure.error().vmm_error, request::vmm_error_busy);
  EXPECT_FALSE(failure.error().firmware_status);
  EXPECT_FALSE(failure.error().key_retired);
  EXPECT_TRUE(channel_->usable());
  EXPECT_TRUE(channel_->unanswered());

  host_.otherwise = nullptr;
  const auto reply = channel_->report(test_query());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->notes.sends, 1U);
  EXPECT_EQ(host_.emitted->size(), 1U) << "no second number was taken";
  EXPECT_EQ(host_.firmware_calls, 1U);
}

TEST_F(Channel, AnotherQuestionFirstUsesUpThePendingOne) {
  host_.otherwise = busy;
  ASSERT_FALSE(channel_->report(test_query(1)));
  host_.otherwise = nullptr;
  const auto reply = channel_->report(test_query(2));
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->report, host_.reports.at(1));
  EXPECT_EQ(reply->notes.sends, 2U);
  EXPECT_EQ(channel_->last_seqno(), 4U);
}

TEST_F(Channel, APendingKeyRequestIsUsedUpBeforeAReport) {
  host_.otherwise = busy;
  ASSERT_FALSE(channel_->derived_key({}));
  host_.otherwise = nullptr;
  ASSERT_TRUE(channel_->extended_report(test_query()));
  EXPECT_EQ(channel_->last_seqno(), 4U);
}

TEST_F(Channel, AStopEndsTheWaitAndLosesNothing) {
  std::stop_source stop;
  const auto channel = test_channel(host_, clock_, {.limits = {}, .stop = stop.get_token()});
  host_.script = {busy, [&](TestHost& host, const auto&) {
                    stop.request_stop();
                    host.vmm_error(request::vmm_error_busy);
                  }};
  const auto failure = channel->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::busy);
  EXPECT_THAT(failure.error().error.message, HasSubstr("stop"));
  EXPECT_TRUE(channel->usable());
  EXPECT_EQ(host_.exits.size(), 2U);
}

TEST_F(Channel, AnExitThatTheHostRefusesCanBeRepeatedOnceItIsMended) {
  host_.script.push_back([](TestHost& host, const auto&) {
    host.answer(abi::ghcb::answer::malformed_input, abi::ghcb::malformed::ghcb_not_registered);
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::invalid_input);
  EXPECT_THAT(failure.error().error.message, HasSubstr("not registered"));
  EXPECT_FALSE(failure.error().key_retired);
  EXPECT_TRUE(channel_->unanswered());
  EXPECT_TRUE(channel_->report(test_query()));
  EXPECT_EQ(host_.emitted->size(), 1U);
}

// sev-guest#26: STATUS in a sealed response.
TEST_F(Channel, ARefusalInsideAResponseLeavesTheChannelAlive) {
  for (const auto status : {snp::CommandStatus::invalid_param, snp::CommandStatus::invalid_key}) {
    const auto usual = host_.firmware;
    host_.firmware = [&](const message::Request&) {
      snp::ReportResponse response;
      response.status = static_cast<std::uint32_t>(status);
      return ByteBuilder().object(response).take();
    };
    for (const bool extended : {false, true}) {
      std::optional<RequestFailure> failure;
      if (extended) {
        failure = channel_->extended_report(test_query()).error();
      } else {
        failure = channel_->report(test_query()).error();
      }
      EXPECT_EQ(failure->response_status, static_cast<std::uint32_t>(status));
      EXPECT_FALSE(failure->firmware_status);
      EXPECT_FALSE(failure->key_retired);
    }
    host_.firmware = usual;
    EXPECT_TRUE(channel_->report(test_query()));
  }
}

TEST_F(Channel, DerivedKeysComeWithVersionOneUnlessTheCallerKnowsBetter) {
  std::vector<std::pair<std::uint8_t, Bytes>> asked;
  const auto usual = host_.firmware;
  host_.firmware = [&](const message::Request& message) {
    EXPECT_EQ(message.envelope.type, snp::MessageType::key_req);
    asked.emplace_back(message.envelope.version, message.payload);
    return usual(message);
  };
  const KeyQuery query{.root_key_select = 1,
                       .guest_field_select = 0x3F,
                       .vmpl = 2,
                       .guest_svn = 3,
                       .tcb_version = 0x0102030405060708,
                       .version_2 = {}};
  const auto key = channel_->derived_key(query);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->view()[31], 0x5C);
  KeyQuery newer = query;
  newer.version_2 = FirmwareHasKeyRequestV2{.launch_mit_vector = 9};
  ASSERT_TRUE(channel_->derived_key(newer));

  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].first, 1);
  ASSERT_EQ(asked[0].second.size(), sizeof(snp::KeyRequest));
  const auto first = *ByteReader(asked[0].second).object<snp::KeyRequest>();
  EXPECT_EQ(first.root_key_select, 1U);
  EXPECT_EQ(first.guest_field_select, 0x3FU);
  EXPECT_EQ(first.vmpl, 2U);
  EXPECT_EQ(first.guest_svn, 3U);
  EXPECT_EQ(first.tcb_version, 0x0102030405060708U);
  EXPECT_EQ(asked[1].first, snp::key_req_version_2);
  EXPECT_EQ(ByteReader(asked[1].second).object<snp::KeyRequestV2>()->launch_mit_vector, 9U);
}

// snpguest#115: the host's firmware refuses the whole message, and the key is gone.
TEST_F(Channel, AVersionThatTheFirmwareLacksCostsTheKey) {
  host_.script.push_back([](TestHost& host, const auto&) {
    host.vmm_error(0, static_cast<std::uint32_t>(snp::CommandStatus::invalid_param));
  });
  const auto failure = channel_->derived_key({.version_2 = FirmwareHasKeyRequestV2{}});
  ASSERT_FALSE(failure);
  EXPECT_TRUE(failure.error().key_retired);
  EXPECT_THAT(failure.error().error.message, HasSubstr("message version"));
}

TEST_F(Channel, AWrongQuestionTakesNoNumber) {
  ReportQuery wrong = test_query();
  wrong.vmpl = 9;
  EXPECT_EQ(channel_->report(wrong).error().error.code, Code::invalid_input);
  EXPECT_EQ(channel_->extended_report(wrong).error().error.code, Code::invalid_input);
  EXPECT_TRUE(host_.exits.empty());
  EXPECT_FALSE(channel_->unanswered());
}

// oak#4637: what runs later in the guest must not be able to ask.
TEST_F(Channel, ADroppedKeyAsksForNothingMore) {
  ASSERT_TRUE(channel_->report(test_query()));
  ASSERT_TRUE(channel_->drop_key());
  EXPECT_FALSE(channel_->usable());
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::closed);
  EXPECT_TRUE(failure.error().key_retired);
  EXPECT_EQ(host_.exits.size(), 1U);
}

TEST_F(Channel, AMachineThatCannotWriteItsPagesHasSentNothing) {
  host_.write_error = Error{Code::io, "no memory"};
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::io);
  EXPECT_TRUE(host_.exits.empty());
  host_.write_error.reset();
  EXPECT_TRUE(channel_->report(test_query())) << "the message was kept";
}

TEST_F(Channel, AMachineThatEndsDuringTheExitTakesTheKeyAlong) {
  host_.vmgexit_error = Error{Code::closed, "the machine is gone"};
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_TRUE(failure.error().key_retired);
  EXPECT_THAT(failure.error().error.message, HasSubstr("the machine is gone"));
  EXPECT_FALSE(channel_->usable());
}

TEST_F(Channel, AGuestWithoutCertificatePagesStillGetsItsReport) {
  SharedPages pages = test_pages;
  pages.certificate_pages = 0;
  TestHost host(pages);
  host.table = test_table(5000);
  const auto channel = test_channel(host, clock_);
  const auto evidence = channel->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::table_too_large);
}

TEST_F(Channel, MovedToAnotherProcessorItSendsTheSamePendingMessage) {
  host_.otherwise = busy;
  ASSERT_FALSE(channel_->report(test_query()));
  SharedPages pages = test_pages;
  pages.ghcb = 0x30000;
  pages.request = 0x40000;
  pages.response = 0x41000;
  TestHost other(pages);
  other.emitted = host_.emitted;
  ASSERT_TRUE(channel_->move_to(other, pages));
  const auto reply = channel_->report(test_query());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(other.exits.at(0).request, host_.exits.at(0).request);
  EXPECT_EQ(host_.emitted->size(), 1U);

  pages.request = pages.ghcb;
  EXPECT_EQ(channel_->move_to(other, pages).error().code, Code::invalid_input);
}

TEST_F(Channel, MovedItStillKnowsTheSizeOfTheTable) {
  host_.table = test_table(6 * 4096 + 1);
  ASSERT_TRUE(channel_->extended_report(test_query()));
  ASSERT_TRUE(channel_->move_to(host_, test_pages));
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.table_growths, 0U);
  EXPECT_EQ(evidence->certificate_table.size(), 7U * 4096);
}

TEST_F(Channel, MovedToFewerPagesItOffersNoMoreThanThereAre) {
  host_.table = test_table(6 * 4096 + 1);
  ASSERT_TRUE(channel_->extended_report(test_query()));
  SharedPages pages = test_pages;
  pages.certificate_pages = 2;
  ASSERT_TRUE(channel_->move_to(host_, pages));
  host_.exits.clear();
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::table_too_large);
  EXPECT_EQ(host_.exits.at(0).rbx, 2U);
}

TEST_F(Channel, PagesThatCannotBeUsedAreRefusedAtOnce) {
  SharedPages pages = test_pages;
  pages.response = pages.request;
  EXPECT_EQ(GhcbChannel::create(test_requester(), host_, pages, clock_, {}).error().code,
            Code::invalid_input);
}

}  // namespace
}  // namespace extreq::guest
