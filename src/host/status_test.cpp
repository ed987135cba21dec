#include "host/status.hpp"

#include <gmock/gmock.h>

#include "host/publisher.hpp"
#include "host/test_platform.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class StatusTest : public testing::Test {
 protected:
  void publish() {
    lease::BlobWriter writer(platform_.blob());
    const auto report = Publisher(writer, platform_.processor(), platform_.provider()).pass(1s);
    ASSERT_TRUE(report && !report->problem);
  }
  CheckLines status() {
    return host_status(platform_.processor(), platform_.blob(), system_clock().utc());
  }
  static CheckLine line(const CheckLines& lines, std::string_view name) {
    for (const auto& one : lines) {
      if (one.name == name) return one;
    }
    ADD_FAILURE() << "no line " << name;
    return {};
  }

  TestPlatform platform_;
};

TEST_F(StatusTest, AllIsWellWhenTheTableFits) {
  publish();
  const auto lines = status();
  for (const auto& one : lines) EXPECT_NE(one.verdict, Verdict::bad) << one.name << one.value;
  EXPECT_EQ(line(lines, "match").verdict, Verdict::well);
  EXPECT_EQ(line(lines, "signing_key").value, "VCEK");
  EXPECT_THAT(line(lines, "platform").value, HasSubstr("Milan"));
  EXPECT_THAT(line(lines, "reported_tcb").value, HasSubstr(attestation::to_text(tcb_old)));
  EXPECT_THAT(line(lines, "current_tcb").value, HasSubstr(attestation::to_text(tcb_new)));
  EXPECT_THAT(line(lines, "committed_tcb").value, HasSubstr("unknown"));
  EXPECT_EQ(line(lines, "lock").value, "nobody holds it");
  EXPECT_EQ(line(lines, "table VCEK").verdict, Verdict::well);
}

TEST_F(StatusTest, EachThingThatIsWrongComesWithARemedy) {
  const auto expect_bad = [&](const char* what) {
    const auto match = line(status(), "match");
    EXPECT_EQ(match.verdict, Verdict::bad);
    EXPECT_THAT(match.value, testing::StartsWith(what));
    EXPECT_FALSE(match.remedy.empty());
  };
  expect_bad("missing");
  {
    lease::BlobWriter writer(platform_.blob());
    ASSERT_TRUE(writer.begin(1s));
  }
  expect_bad("empty table");
  publish();
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  expect_bad("table for another key");
  ASSERT_TRUE(lease::open_or_create_file(platform_.blob()));
  ASSERT_EQ(::truncate(platform_.blob().c_str(), 100), 0);
  expect_bad("damaged");
}

TEST_F(StatusTest, WhoHoldsTheLockIsNamed) {
  publish();
  lease::BlobWriter writer(platform_.blob());
  const auto update = writer.begin(1s);
  ASSERT_TRUE(update);
  const auto lines = status();
  EXPECT_THAT(line(lines, "match").value, testing::StartsWith("under update"));
  EXPECT_THAT(line(lines, "lock").value, HasSubstr(std::to_string(::getpid())));
}

TEST_F(StatusTest, CertificatesOutOfTheirTimeAreBad) {
  publish();
  const auto much_later = system_clock().utc() + std::chrono::hours(24 * 365 * 100);
  const auto late = host_status(platform_.processor(), platform_.blob(), much_later);
  EXPECT_THAT(line(late, "table VCEK").remedy, HasSubstr("expired"));
  const auto early = host_status(platform_.processor(), platform_.blob(), {});
  EXPECT_THAT(line(early, "table VCEK").remedy, HasSubstr("not valid yet"));
}

TEST_F(StatusTest, APlatformThatDoesNotAnswerIsOneBadLine) {
  platform_.processor().faults().fail_platform_commands(
      abi::snp::CommandStatus::hardware_error_platform, 1);
  const auto lines = status();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].verdict, Verdict::bad);
  EXPECT_FALSE(lines[0].remedy.empty());
}

}  // namespace
}  // namespace extreq::host
