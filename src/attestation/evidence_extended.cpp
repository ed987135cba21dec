#include "attestation/evidence_formats.hpp"
#include "base/try.hpp"

namespace extreq::attestation {

bool begins_like_a_report(ByteView bytes) noexcept {
  return bytes.size() >= Report::size && bytes[0] != 0 && all_zero(bytes.subspan(1, 3));
}

Result<Evidence> parse_extended(ByteView bytes) {
  if (bytes.size() < Report::size) {
    return fail(Code::invalid_input,
                "report and certificate table: {:#x} bytes found, {:#x} or more wanted",
                bytes.size(), Report::size);
  }
  if (!begins_like_a_report(bytes)) {
    return fail(Code::invalid_input,
                "report and certificate table: it begins with \"{}\", a report's version wanted",
                to_hex(bytes.first(4)));
  }
  EXTREQ_TRY_ASSIGN(const auto report, Report::parse(bytes.first(Report::size)));
  auto table = CertificateTable::parse(bytes.subspan(Report::size));
  if (!table) {
    return fail(table.error().code, "behind the report, at {:#x}: {}", Report::size,
                table.error().message);
  }
  return Evidence{EvidenceFormat::extended, report, std::move(*table), std::nullopt};
}

}  // namespace extreq::attestation
