#include "abi/snp_status_name.hpp"
#include "attestation/evidence_formats.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::attestation {

namespace snp = abi::snp;

bool begins_like_a_response(ByteView bytes) noexcept {
  const auto response = ByteReader(bytes).object<snp::ReportResponse>();
  return response && all_zero(response->reserved);
}

Result<Evidence> parse_ioctl(ByteView bytes) {
  const auto response = ByteReader(bytes).object<snp::ReportResponse>();
  if (!response) {
    return fail(Code::invalid_input, "MSG_REPORT_RSP: {:#x} bytes found, {:#x} wanted",
                bytes.size(), sizeof(snp::ReportResponse));
  }
  const std::uint32_t status = response->status;
  if (status != 0) {
    return fail(Code::invalid_input,
                "MSG_REPORT_RSP: the firmware refused with status {:#x} ({}): there is no report",
                status, snp::name(static_cast<snp::CommandStatus>(status)));
  }
  if (response->report_size != Report::size) {
    return fail(Code::invalid_input, "MSG_REPORT_RSP: REPORT_SIZE {:#x} found, {:#x} wanted",
                std::uint32_t{response->report_size}, Report::size);
  }
  if (!all_zero(response->reserved) || !all_zero(bytes.subspan(sizeof(snp::ReportResponse)))) {
    return fail(Code::invalid_input, "MSG_REPORT_RSP: bytes beside the report are not zero");
  }
  EXTREQ_TRY_ASSIGN(const auto report, Report::parse(bytes.subspan(
                                           offsetof(snp::ReportResponse, report), Report::size)));
  return Evidence{EvidenceFormat::ioctl, report, std::nullopt, std::nullopt};
}

}  // namespace extreq::attestation
