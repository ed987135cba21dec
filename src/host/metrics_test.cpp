#include "host/metrics.hpp"

#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "base/file.hpp"
#include "host/test_platform.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() { service_.step(); }

  [[nodiscard]] Metrics metrics() {
    SocketServer::Counters socket;
    socket.leases_held = 3;
    socket.wait_microseconds = 1500000;
    return {service_.view(), service_.healthy(), socket, {{200, 2}, {429, 1}}};
  }

  TestPlatform platform_;
  lease::BlobWriter writer_{platform_.blob()};
  Service service_{writer_, platform_.processor(), platform_.provider()};
};

TEST_F(MetricsTest, SayWhatIs) {
  const std::string text = to_prometheus(metrics());
  EXPECT_THAT(text, HasSubstr("\nextreq_host_healthy 1\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_publications_total 1\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_mismatches_prevented_total 0\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_leases_held 3\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_lease_wait_seconds_total 1.5\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_kds_answers_total{status=\"429\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_reported_tcb{component=\"microcode\"} 200\n"));
  EXPECT_THAT(text, HasSubstr("\nextreq_host_current_tcb{component=\"microcode\"} 213\n"));
  for (const char* name : {"VCEK", "ASK or ASVK", "ARK"}) {
    EXPECT_THAT(text, HasSubstr("certificate_not_after_seconds{certificate=\"" + std::string(name) +
                                "\"} "));
  }
}

TEST_F(MetricsTest, WithoutASocketThereIsNoLineAboutIt) {
  auto without = metrics();
  without.socket.reset();
  EXPECT_THAT(to_prometheus(without), Not(HasSubstr("lease")));
}

TEST_F(MetricsTest, EveryLineIsInTheFormatAndEachMetricIsDescribedOnce) {
  const std::regex comment(
      "# (HELP extreq_host_[a-z_]+ .+|TYPE extreq_host_[a-z_]+ (gauge|counter))");
  const std::regex sample(R"re(extreq_host_([a-z_]+)(\{[a-z]+="[^"\\]*"\})? [0-9.e+-]+)re");
  std::istringstream lines(to_prometheus(metrics()));
  std::set<std::string> described;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.starts_with("# HELP")) {
      EXPECT_TRUE(described.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    }
    if (line.starts_with("#")) {
      EXPECT_TRUE(std::regex_match(line, comment)) << line;
    } else {
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_TRUE(described.contains("extreq_host_" + match[1].str())) << line;
    }
  }
}

TEST_F(MetricsTest, AFileThatCannotBeWrittenIsAnErrorAndTheOldOneStays) {
  const std::string path = platform_.blob() + ".prom";
  ASSERT_TRUE(write_metrics(path, metrics()));
  const auto written = read_file(path);
  ASSERT_TRUE(written);
  EXPECT_EQ(std::string(written->begin(), written->end()), to_prometheus(metrics()));
  EXPECT_FALSE(write_metrics(platform_.blob() + ".d/x.prom", metrics()));
}

}  // namespace
}  // namespace extreq::host
