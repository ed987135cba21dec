// Whatever a host does, in whatever order: no sequence number is used for two messages, the work is
// bounded, and only the firmware's own reports come out. Random scripts, the same ones in each run.
#include <random>

#include <gtest/gtest.h>

#include "abi/kvm.hpp"
#include "guest/test_host.hpp"

namespace extreq::guest {
namespace {

namespace ghcb = abi::ghcb;
namespace snp = abi::snp;
namespace request = abi::ghcb::guest_request;

constexpr unsigned scripts = 400;
constexpr unsigned calls_per_script = 12;

class Mischief {
 public:
  explicit Mischief(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  void play(TestHost& host, const TestHost::Exit& exit) {
    if (below(100) < 35) {
      host.table = test_table(48 + below(12 * 4096) + 1);
      host.honest(exit);
      keep(host);
      return;
    }
    for (std::uint64_t i = below(4); i > 0; --i) tamper(host, exit);
    if (below(10) != 0) answer(host, exit);
  }

 private:
  void keep(TestHost& host) {
    responses_.push_back(host.get(test_pages.response, ghcb::page_size));
  }

  void tamper(TestHost& host, const TestHost::Exit& exit) {
    switch (below(8)) {
      case 0:
      case 1:
        host.respond(exit);
        keep(host);
        break;
      case 2:  // the firmware's answer, for later
        if (const auto page = host.ask_firmware(exit)) {
          responses_.emplace_back(page->begin(), page->end());
        }
        break;
      case 3:  // an old one
        if (!responses_.empty()) {
          host.put(test_pages.response, responses_[below(responses_.size())]);
        }
        break;
      case 4:
        flip(host, test_pages.response);
        break;
      case 5:
        flip(host, test_pages.request);
        break;
      case 6:
        flip(host, test_pages.certificates);
        break;
      default:
        host.put(test_pages.ghcb, Bytes(ghcb::page_size, static_cast<std::uint8_t>(random_())));
        break;
    }
  }

  void flip(TestHost& host, std::uint64_t page) {
    const std::uint64_t at = page + below(ghcb::page_size);
    Bytes byte = host.get(at, 1);
    byte[0] = static_cast<std::uint8_t>(byte[0] ^ (1U << below(8)));
    host.put(at, byte);
  }

  void answer(TestHost& host, const TestHost::Exit& exit) {
    constexpr std::array<std::uint64_t, 6> lengths{0, 1, 5, 64, 65, ~std::uint64_t{0}};
    constexpr std::array<std::uint32_t, 5> errors{
        request::vmm_error_none, request::vmm_error_invalid_len, request::vmm_error_busy, 3,
        abi::kvm::snp_guest_vmm_err_generic};
    constexpr std::array<std::uint32_t, 4> statuses{
        0, static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate),
        static_cast<std::uint32_t>(snp::CommandStatus::invalid_param),
        static_cast<std::uint32_t>(snp::CommandStatus::aead_overflow)};
    host.set_rbx(below(2) == 0 ? lengths.at(below(lengths.size()))
                               : exit.rbx.value_or(0) + below(3));
    switch (below(12)) {
      case 0:
        host.answer(random_(), random_());
        break;
      case 1:
        host.answer(ghcb::answer::malformed_input, below(8));
        break;
      case 2:
        host.answer(ghcb::answer::issue_exception, ghcb::encode_exception(ghcb::vector_gp));
        break;
      case 3:
        host.vmm_error(errors.at(below(errors.size())), statuses.at(below(statuses.size())));
        break;
      case 4:
      case 5:
      case 6:
        host.vmm_error(request::vmm_error_busy);
        break;
      case 7:
      case 8:
        host.vmm_error(request::vmm_error_invalid_len);
        break;
      default:
        host.answer(ghcb::answer::no_action, 0);
        break;
    }
  }

  std::mt19937_64 random_;
  std::vector<Bytes> responses_;
};

struct Totals {
  unsigned reports = 0;
  unsigned tables = 0;
  unsigned failures = 0;
  unsigned keys_lost = 0;
  unsigned taken_up = 0;
};

// What one call gave, whichever it was.
struct Outcome {
  std::optional<Bytes> report;
  std::size_t table_size = 0;
  std::optional<RequestFailure> failure;
};

Outcome call(GhcbChannel& channel, Mischief& mischief, const ReportQuery& query) {
  switch (mischief.below(3)) {
    case 0:
      if (auto reply = channel.report(query)) {
        return {std::move(reply->report), 0, {}};
      } else {
        return {{}, 0, std::move(reply).error()};
      }
    case 1:
      if (auto key = channel.derived_key({})) {
        return {};
      } else {
        return {{}, 0, std::move(key).error()};
      }
    default:
      if (auto evidence = channel.extended_report(query)) {
        return {std::move(evidence->report), evidence->certificate_table.size(), {}};
      } else {
        return {{}, 0, std::move(evidence).error()};
      }
  }
}

void run(std::uint64_t seed, Totals& totals) {
  Mischief mischief(seed);
  ManualClock clock;
  TestHost host;
  host.otherwise = [&](TestHost& self, const TestHost::Exit& exit) { mischief.play(self, exit); };
  const RetryLimits limits;
  const auto channel = test_channel(host, clock, {.limits = limits, .stop = {}});
  for (unsigned i = 0; i < calls_per_script; ++i) {
    const ReportQuery query = test_query(static_cast<std::uint8_t>(mischief.below(2)));
    const std::size_t exits = host.exits.size();
    const auto start = clock.now();
    const bool usable = channel->usable();
    totals.taken_up += channel->unanswered() ? 1 : 0;
    const Outcome outcome = call(*channel, mischief, query);

    // One message more than the one asked for: what was still pending.
    EXPECT_LE(host.exits.size() - exits, limits.busy_max + limits.table_growths_max + 3);
    EXPECT_LE(clock.now() - start, limits.deadline);
    EXPECT_LE(outcome.table_size, limits.table_pages_max * ghcb::page_size);
    if (outcome.report) {
      EXPECT_NE(std::ranges::find(host.reports, *outcome.report), host.reports.end());
      ++totals.reports;
      totals.tables += outcome.table_size != 0 ? 1 : 0;
    }
    if (outcome.failure) {
      EXPECT_EQ(outcome.failure->key_retired, !channel->usable());
      ++totals.failures;
    }
    if (!usable) {
      EXPECT_EQ(host.exits.size(), exits) << "a lost key was used";
      EXPECT_TRUE(outcome.failure);
    }
  }
  totals.keys_lost += channel->usable() ? 0 : 1;
}

TEST(HostileScript, NoScriptMakesTheGuestReuseANumberOrWorkWithoutBound) {
  Totals totals;
  for (std::uint64_t seed = 0; seed < scripts && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "script " << seed);
    run(seed, totals);
  }
  // The scripts reach everything that they are meant to try.
  EXPECT_GT(totals.reports, scripts / 4);
  EXPECT_GT(totals.tables, scripts / 10);
  EXPECT_GT(totals.failures, scripts);
  EXPECT_GT(totals.keys_lost, scripts / 2);
  EXPECT_GT(totals.taken_up, scripts / 20);
}

}  // namespace
}  // namespace extreq::guest
