#include "attestation/evidence.hpp"

#include <algorithm>

#include "attestation/evidence_formats.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

Result<Evidence> parse_raw(ByteView bytes) {
  EXTREQ_TRY_ASSIGN(const auto report, Report::parse(bytes));
  return Evidence{EvidenceFormat::raw, report, std::nullopt, std::nullopt};
}

Result<Evidence> parse_as(ByteView bytes, EvidenceFormat format) {
  switch (format) {
    case EvidenceFormat::raw:
      return parse_raw(bytes);
    case EvidenceFormat::extended:
      return parse_extended(bytes);
    case EvidenceFormat::ioctl:
      return parse_ioctl(bytes);
    case EvidenceFormat::hcl:
      return parse_hcl(bytes);
    case EvidenceFormat::json:
      return parse_json_evidence(bytes);
    case EvidenceFormat::tsm:
      break;
  }
  return fail(Code::invalid_input,
              "a configfs-tsm report is a folder (outblob, auxblob), and this is a file");
}

}  // namespace

std::string_view to_text(EvidenceFormat format) noexcept {
  return evidence_format_names.at(static_cast<std::size_t>(format));
}

std::optional<EvidenceFormat> evidence_format(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(evidence_format_names, name);
  if (found == evidence_format_names.end()) return std::nullopt;
  return static_cast<EvidenceFormat>(found - evidence_format_names.begin());
}

std::optional<EvidenceFormat> recognise_evidence(ByteView bytes) noexcept {
  if (begins_like_hcl(bytes)) return EvidenceFormat::hcl;
  if (begins_like_json(bytes)) return EvidenceFormat::json;
  if (bytes.size() == Report::size) return EvidenceFormat::raw;
  if (begins_like_a_response(bytes)) return EvidenceFormat::ioctl;
  if (begins_like_a_report(bytes)) return EvidenceFormat::extended;
  return std::nullopt;
}

Result<Evidence> parse_evidence(ByteView bytes, std::optional<EvidenceFormat> format) {
  if (!format) format = recognise_evidence(bytes);
  if (format) return parse_as(bytes, *format);
  return fail(Code::invalid_input,
              "no evidence of a known format: neither a report ({:#x} bytes), nor one with its "
              "certificate table behind it, nor a response of sev-guest, nor an HCL report, nor "
              "JSON: {:#x} bytes found that begin with \"{}\"",
              Report::size, bytes.size(),
              to_hex(bytes.first(std::min<std::size_t>(bytes.size(), 8))));
}

}  // namespace extreq::attestation
