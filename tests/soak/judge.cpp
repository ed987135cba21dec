#include "tests/soak/judge.hpp"

#include <algorithm>
#include <cstdio>

#include "lease/table_shape.hpp"

namespace extreq::soak {
namespace {

using firmware::model::must;

constexpr std::uint64_t verify_each = 32;
constexpr std::uint8_t report_data = 0xDA;  // what TestGuest asks with

}  // namespace

Judge::Judge(const Scene& scene)
    : scene_(scene),
      processor_(must(firmware::model::SecureProcessor::open(scene.platform()))),
      guest_(*processor_),
      check_(scene.anchors, std::chrono::floor<std::chrono::seconds>(system_clock().utc())) {}

bool Judge::verify(ByteView held, const abi::snp::AttestationReport& report) {
  guest::Evidence evidence;
  evidence.report = ByteBuilder().object(report).take();
  evidence.certificate_table = Bytes(held.begin(), held.end());
  guest::ReportQuery asked;
  asked.report_data.fill(report_data);
  const auto opinion = check_.judge(evidence, asked);
  ++scene_.shared->verified;
  if (opinion.finding == sim::EvidenceCheck::Finding::genuine) return true;
  fmt::print(stderr, "not genuine: {}\n", opinion.why);
  return false;
}

void Judge::sign_and_compare(ByteView held, Kind kind) {
  SharedState& shared = *scene_.shared;
  const auto report = guest_.report().report;
  ++shared.requests.at(static_cast<std::size_t>(kind));
  if (lease::is_empty_table(held)) {
    ++shared.empty_tables;
    return;
  }
  ++shared.with_table;
  const auto known = std::ranges::find_if(scene_.tables, [&](const KnownTable& table) {
    return std::equal(held.begin(), held.end(), table.bytes.begin(), table.bytes.end());
  });
  if (known == scene_.tables.end()) {
    ++shared.torn_tables;
    return;
  }
  const bool another = std::exchange(last_, &*known) != &*known;
  const bool in_full = another || tables_seen_++ % verify_each == 0;
  if (known->reported_tcb != report.reported_tcb || (in_full && !verify(held, report))) {
    ++shared.mismatches;
  }
}

}  // namespace extreq::soak
