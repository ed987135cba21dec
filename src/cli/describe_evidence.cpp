#include <algorithm>

#include "cli/describe.hpp"
#include "crypto/hash.hpp"

namespace extreq::cli {
namespace {

using attestation::Evidence;

bool is_plain_text(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte >= ' ' && byte <= '~'; });
}

Document describe_runtime_data(const Evidence& evidence) {
  const Bytes& data = *evidence.runtime_data;
  const auto digest = crypto::sha256(data);
  const auto begin = ByteView(evidence.report.report_data()).first(digest.size());
  Document document{{"size", data.size()},
                    {"sha256", to_hex(digest)},
                    {"bound_by_report_data", std::ranges::equal(begin, digest)}};
  if (is_plain_text(data)) {
    document["text"] = std::string(data.begin(), data.end());
  } else {
    document["hex"] = to_hex(data);
  }
  return document;
}

}  // namespace

Document describe(const Evidence& evidence) {
  if (evidence.format == attestation::EvidenceFormat::raw) return describe(evidence.report);
  Document document{{"type", "evidence"},
                    {"format", attestation::to_text(evidence.format)},
                    {"report", describe(evidence.report)},
                    {"certificate_table", nullptr},
                    {"runtime_data", nullptr}};
  if (evidence.table) document["certificate_table"] = describe(*evidence.table);
  if (evidence.runtime_data) document["runtime_data"] = describe_runtime_data(evidence);
  return document;
}

}  // namespace extreq::cli
