// GhcbChannel against a hostile host: one test for each trick. TestHost fails the test by itself if
// a sequence number is used for two messages, a shared byte is read twice, an address outside the
// shared pages is touched, or the exits do not end.
#include <gmock/gmock.h>

#include "abi/kvm.hpp"
#include "base/byte_builder.hpp"
#include "guest/test_host.hpp"
#include "message/seal.hpp"

namespace extreq::guest {
namespace {

namespace ghcb = abi::ghcb;
namespace snp = abi::snp;
namespace request = abi::ghcb::guest_request;
using testing::HasSubstr;

constexpr RetryLimits defaults;
constexpr std::size_t sends_max = defaults.busy_max + defaults.table_growths_max + 2;

class HostileHost : public testing::Test {
 protected:
  // The outcome is not known: the key is gone, and nothing is sent any more.
  void expect_key_lost(const RequestFailure& failure) {
    EXPECT_TRUE(failure.key_retired) << failure.error.message;
    EXPECT_THAT(failure.error.message, HasSubstr("retired"));
    EXPECT_FALSE(channel_->usable());
    const std::size_t exits = host_.exits.size();
    EXPECT_EQ(channel_->report(test_query()).error().error.code, Code::closed);
    EXPECT_EQ(channel_->extended_report(test_query()).error().error.code, Code::closed);
    EXPECT_EQ(channel_->derived_key({}).error().error.code, Code::closed);
    EXPECT_EQ(host_.exits.size(), exits);
  }

  // A host that lets the firmware answer and then does this to the response page.
  static TestHost::Step after_firmware(std::function<void(TestHost&)> trick) {
    return [trick = std::move(trick)](TestHost& host, const TestHost::Exit& exit) {
      host.honest(exit);
      trick(host);
    };
  }

  TestHost host_;
  ManualClock clock_;
  std::unique_ptr<GhcbChannel> channel_ = test_channel(host_, clock_);
};

TEST_F(HostileHost, BusyForEverEndsAtTheDeadline) {
  host_.otherwise = [](TestHost& host, const auto&) { host.vmm_error(request::vmm_error_busy); };
  const auto start = clock_.now();
  EXPECT_EQ(channel_->extended_report(test_query()).error().error.code, Code::busy);
  EXPECT_LE(clock_.now() - start, defaults.deadline);
  EXPECT_LE(host_.exits.size(), sends_max);
  EXPECT_EQ(host_.emitted->size(), 1U);
}

TEST_F(HostileHost, BusyForEverEndsEvenWhenItTakesNoTime) {
  host_.otherwise = [](TestHost& host, const auto&) { host.vmm_error(request::vmm_error_busy); };
  const auto channel = test_channel(
      host_, clock_, {.limits = {.busy_wait_first = Clock::Duration::zero()}, .stop = {}});
  EXPECT_EQ(channel->report(test_query()).error().error.code, Code::busy);
  EXPECT_EQ(host_.exits.size(), defaults.busy_max + 1);
}

TEST_F(HostileHost, BusyForEverOverManyQuestionsNeverTakesASecondNumber) {
  host_.otherwise = [](TestHost& host, const auto&) { host.vmm_error(request::vmm_error_busy); };
  for (std::uint8_t question = 0; question < 10; ++question) {
    EXPECT_EQ(channel_->report(test_query(question)).error().error.code, Code::busy);
  }
  EXPECT_EQ(host_.emitted->size(), 1U);
}

TEST_F(HostileHost, ATableThatGrowsForEverEndsInAPlainReport) {
  host_.otherwise = [](TestHost& host, const TestHost::Exit& exit) {
    if (!exit.extended()) return host.honest(exit);
    host.set_rbx(*exit.rbx + 1);
    host.vmm_error(request::vmm_error_invalid_len);
  };
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::table_keeps_growing);
  EXPECT_EQ(evidence->notes.sends, defaults.table_growths_max + 2);
  EXPECT_EQ(host_.emitted->size(), 1U);
}

TEST_F(HostileHost, LiesAboutTheLengthEndInAPlainReport) {
  for (const std::uint64_t wanted :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4}, defaults.table_pages_max + 1,
        std::uint64_t{1} << 52, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    TestHost host;
    const auto channel = test_channel(host, clock_);
    host.script.push_back([&](TestHost& self, const auto&) {
      self.set_rbx(wanted);
      self.vmm_error(request::vmm_error_invalid_len);
    });
    const auto evidence = channel->extended_report(test_query());
    ASSERT_TRUE(evidence) << wanted;
    EXPECT_TRUE(evidence->certificate_table.empty());
    EXPECT_EQ(evidence->notes.no_certificates, wanted > defaults.table_pages_max
                                                   ? NoCertificates::table_too_large
                                                   : NoCertificates::absurd_length);
    EXPECT_EQ(host.exits.size(), 2U);
  }
}

TEST_F(HostileHost, InvalidLengthForAPlainRequestIsNoAnswer) {
  host_.otherwise = [](TestHost& host, const auto&) {
    host.set_rbx(~std::uint64_t{0});
    host.vmm_error(request::vmm_error_invalid_len);
  };
  const auto failure = channel_->extended_report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().vmm_error, request::vmm_error_invalid_len);
  EXPECT_EQ(host_.exits.size(), 2U);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, BusyAndInvalidLengthInTurnsForEverEnd) {
  host_.otherwise = [](TestHost& host, const TestHost::Exit& exit) {
    if (host.exits.size() % 2 != 0 || !exit.extended()) {
      return host.vmm_error(request::vmm_error_busy);
    }
    host.set_rbx(*exit.rbx + 1);
    host.vmm_error(request::vmm_error_invalid_len);
  };
  EXPECT_EQ(channel_->extended_report(test_query()).error().error.code, Code::busy);
  EXPECT_LE(host_.exits.size(), sends_max);
  EXPECT_EQ(host_.emitted->size(), 1U);
}

TEST_F(HostileHost, ADroppedResponseCostsTheKey) {
  host_.script.push_back([](TestHost& host, const auto& exit) {
    static_cast<void>(host.ask_firmware(exit));
    host.answer(ghcb::answer::no_action, 0);
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::not_genuine);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, AReplayedResponseCostsTheKey) {
  Bytes first;
  host_.script = {
      after_firmware([&](TestHost& host) { first = host.get(test_pages.response, 4096); }),
      after_firmware([&](TestHost& host) { host.put(test_pages.response, first); })};
  ASSERT_TRUE(channel_->report(test_query()));
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_THAT(failure.error().error.message, HasSubstr("MSG_SEQNO 2, 4 is the answer"));
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, TheRequestGivenBackAsTheResponseCostsTheKey) {
  host_.script.push_back([](TestHost& host, const TestHost::Exit& exit) {
    host.put(exit.info2, exit.request);
    host.answer(ghcb::answer::no_action, 0);
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  expect_key_lost(failure.error());
}

// It said BUSY, but the firmware had the message: the response comes late.
TEST_F(HostileHost, ADelayedResponseIsStillTheOneToThisMessage) {
  Bytes kept;
  host_.script = {[&](TestHost& host, const TestHost::Exit& exit) {
                    const auto page = host.ask_firmware(exit);
                    ASSERT_TRUE(page);
                    kept.assign(page->begin(), page->end());
                    host.vmm_error(request::vmm_error_busy);
                  },
                  [&](TestHost& host, const TestHost::Exit& exit) {
                    host.put(exit.info2, kept);
                    host.answer(ghcb::answer::no_action, 0);
                  }};
  const auto reply = channel_->report(test_query());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->report, host_.reports.at(0));
}

// It said BUSY, but the firmware had the message and its answer is lost: the firmware refuses the
// repetition, and the number is never used for anything else.
TEST_F(HostileHost, AFalseBusyThatLosesTheResponseCostsTheKey) {
  host_.script.push_back([](TestHost& host, const TestHost::Exit& exit) {
    static_cast<void>(host.ask_firmware(exit));
    host.vmm_error(request::vmm_error_busy);
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().firmware_status,
            static_cast<std::uint32_t>(snp::CommandStatus::invalid_param));
  EXPECT_EQ(host_.emitted->size(), 1U);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, AFalseInvalidLengthThatLosesTheResponseCostsTheKey) {
  host_.script.push_back([](TestHost& host, const TestHost::Exit& exit) {
    static_cast<void>(host.ask_firmware(exit));
    host.set_rbx(8);
    host.vmm_error(request::vmm_error_invalid_len);
  });
  const auto failure = channel_->extended_report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(host_.emitted->size(), 1U);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, AResponseUnderAnotherVmpckCostsTheKey) {
  host_.script.push_back([](TestHost& host, const TestHost::Exit& exit) {
    for (const std::uint8_t vmpck : {std::uint8_t{0}, test_vmpck}) {
      message::Page page;
      ASSERT_TRUE(message::seal(test_key(0xF0), {snp::MessageType::report_rsp, 1, vmpck, 2},
                                Bytes(sizeof(snp::ReportResponse)), page));
      host.put(exit.info2, page);
      host.answer(ghcb::answer::no_action, 0);
    }
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::not_genuine);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, AResponseOfAnotherKindCostsTheKey) {
  host_.script.push_back([](TestHost& host, const TestHost::Exit& exit) {
    message::Page page;
    ASSERT_TRUE(message::seal(test_key(7), {snp::MessageType::key_rsp, 1, test_vmpck, 2},
                              Bytes(sizeof(snp::KeyResponse)), page));
    host.put(exit.info2, page);
    host.answer(ghcb::answer::no_action, 0);
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, EveryDamagedByteOfTheResponsePageIsRefused) {
  const std::size_t used = sizeof(snp::MessageHeader) + sizeof(snp::ReportResponse);
  for (std::size_t at = 0; at < used; ++at) {
    TestHost host;
    const auto channel = test_channel(host, clock_);
    host.script.push_back(after_firmware([&](TestHost& self) {
      Bytes byte = self.get(test_pages.response + at, 1);
      byte[0] = static_cast<std::uint8_t>(byte[0] ^ (1U << (at % 8)));
      self.put(test_pages.response + at, byte);
    }));
    const auto reply = channel->report(test_query());
    ASSERT_FALSE(reply) << at;
    EXPECT_EQ(reply.error().error.code, Code::not_genuine) << at;
    EXPECT_FALSE(channel->usable()) << at;
  }
}

TEST_F(HostileHost, ScribblingOnTheSharedPagesChangesNothingThatIsSentAgain) {
  host_.script.push_back([](TestHost& host, const auto&) {
    host.put(test_pages.request, Bytes(4096, 0x66));
    host.put(test_pages.response, Bytes(4096, 0x66));
    host.put(test_pages.ghcb, Bytes(4096, 0x66));
    host.vmm_error(request::vmm_error_busy);
  });
  ASSERT_TRUE(channel_->report(test_query()));
  EXPECT_EQ(host_.exits.at(0).request, host_.exits.at(1).request);
}

TEST_F(HostileHost, EveryFirmwareStatusCostsTheKeyAndIsReported) {
  for (std::uint32_t status = 1; status < 0x40; ++status) {
    if (status == static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate)) continue;
    for (const bool extended : {false, true}) {
      TestHost host;
      const auto channel = test_channel(host, clock_);
      host.script.push_back([&](TestHost& self, const auto&) { self.vmm_error(0, status); });
      const RequestFailure failure = extended ? channel->extended_report(test_query()).error()
                                              : channel->report(test_query()).error();
      EXPECT_EQ(failure.firmware_status, status);
      EXPECT_FALSE(failure.vmm_error);
      EXPECT_EQ(failure.error.code, Code::closed);
      EXPECT_FALSE(channel->usable());
      EXPECT_EQ(host.exits.size(), 1U);
    }
  }
}

TEST_F(HostileHost, InvalidCertificateForEverCostsTheKey) {
  host_.otherwise = [](TestHost& host, const auto&) {
    host.vmm_error(0, static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate));
  };
  const auto failure = channel_->extended_report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(host_.exits.size(), 2U);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, TheGenericErrorAndUnknownOnesCostTheKey) {
  for (const std::uint32_t error :
       {abi::kvm::snp_guest_vmm_err_generic, std::uint32_t{3}, std::uint32_t{0x80000000}}) {
    TestHost host;
    const auto channel = test_channel(host, clock_);
    host.script.push_back([&](TestHost& self, const auto&) { self.vmm_error(error); });
    const auto failure = channel->extended_report(test_query());
    ASSERT_FALSE(failure);
    EXPECT_EQ(failure.error().vmm_error, error);
    EXPECT_FALSE(failure.error().firmware_status);
    EXPECT_TRUE(failure.error().key_retired);
  }
}

TEST_F(HostileHost, BothErrorsAtOnceAreBothReportedAndCostTheKey) {
  host_.script.push_back([](TestHost& host, const auto&) {
    host.vmm_error(request::vmm_error_busy,
                   static_cast<std::uint32_t>(snp::CommandStatus::aead_overflow));
  });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().vmm_error, request::vmm_error_busy);
  EXPECT_EQ(failure.error().firmware_status,
            static_cast<std::uint32_t>(snp::CommandStatus::aead_overflow));
  EXPECT_EQ(host_.exits.size(), 1U);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, AnAnswerThatNoDocumentKnowsCostsTheKey) {
  host_.script.push_back([](TestHost& host, const auto&) { host.answer(17, 0); });
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_THAT(failure.error().error.message, HasSubstr("0x11 in SW_EXITINFO1"));
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, NoAnswerAtAllCostsTheKey) {
  host_.script.emplace_back([](TestHost&, const auto&) {});
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  expect_key_lost(failure.error());
}

TEST_F(HostileHost, AnInventedExceptionCostsTheKeyAndAnAllowedOneDoesNot) {
  host_.script = {[](TestHost& host, const auto&) {
                    host.answer(ghcb::answer::issue_exception,
                                ghcb::encode_exception(ghcb::vector_gp));
                  },
                  [](TestHost& host, const auto&) {
                    host.answer(ghcb::answer::issue_exception, ghcb::encode_exception(8));
                  }};
  const auto allowed = channel_->report(test_query());
  EXPECT_EQ(allowed.error().error.code, Code::invalid_input);
  EXPECT_FALSE(allowed.error().key_retired);
  const auto invented = channel_->report(test_query());
  EXPECT_EQ(host_.emitted->size(), 1U);
  expect_key_lost(invented.error());
}

// An authentic response to this message with another content than asked: then the firmware, or
// whoever holds the key, is wrong. The report is not given out.
TEST_F(HostileHost, AReportThatWasNotAskedForIsNotGivenOut) {
  const auto usual = host_.firmware;
  host_.firmware = [&](const message::Request& asked) {
    message::Request other = asked;
    other.payload[0] = static_cast<std::uint8_t>(other.payload[0] ^ 1U);
    return usual(other);
  };
  const auto failure = channel_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::not_genuine);
  EXPECT_THAT(failure.error().error.message, HasSubstr("REPORT_DATA"));
  host_.firmware = usual;
  EXPECT_TRUE(channel_->report(test_query()));
}

TEST_F(HostileHost, GarbageInTheCertificatePagesReachesTheCallerBoundedAndUnread) {
  host_.script.push_back([](TestHost& host, const TestHost::Exit& exit) {
    host.put(*exit.rax, Bytes(test_pages.certificate_pages * 4096, 0xFF));
    host.respond(exit);
    host.answer(ghcb::answer::no_action, 0);
  });
  const auto evidence = channel_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->certificate_table, Bytes(defaults.table_pages_first * 4096, 0xFF));
}

}  // namespace
}  // namespace extreq::guest
