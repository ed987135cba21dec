#include "guest/response.hpp"

#include <algorithm>

#include "abi/ghcb.hpp"
#include "base/byte_reader.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;

// The status alone: a refusal may come without the rest of the message.
RequestResult<void> check_status(ByteView payload, snp::MessageType response) {
  const auto status = ByteReader(payload).object<abi::Le32>();
  if (!status) {
    return fail(Code::invalid_input, "guest request: the response has {} bytes and no STATUS",
                payload.size());
  }
  if (status->get() == static_cast<std::uint32_t>(snp::CommandStatus::success)) return {};
  return failed(failure_of_response(response, *status));
}

}  // namespace

Result<snp::ReportRequest> to_request(const ReportQuery& query) {
  if (query.vmpl >= snp::vmpl_count) {
    return fail(Code::invalid_input, "report request: VMPL {} is not 0 to {}", query.vmpl,
                snp::vmpl_count - 1);
  }
  if (query.key_sel > snp::key_sel_vlek) {
    return fail(Code::invalid_input, "report request: KEY_SEL {} is not 0, 1 (VCEK) or 2 (VLEK)",
                query.key_sel);
  }
  snp::ReportRequest request;
  request.report_data = query.report_data;
  request.vmpl = query.vmpl;
  request.key_sel = query.key_sel;
  return request;
}

RequestResult<Bytes> read_report_response(ByteView payload, const ReportQuery& query) {
  if (auto status = check_status(payload, snp::MessageType::report_rsp); !status) {
    return failed(std::move(status).error());
  }
  const auto response = ByteReader(payload).object<snp::ReportResponse>();
  if (!response) {
    return fail(Code::invalid_input,
                "report response: {} bytes, {} are needed for a report and its header",
                payload.size(), sizeof(snp::ReportResponse));
  }
  if (response->report_size != sizeof(snp::AttestationReport)) {
    return fail(Code::invalid_input, "report response: REPORT_SIZE is {:#x}, {:#x} is required",
                response->report_size.get(), sizeof(snp::AttestationReport));
  }
  const ByteView report =
      payload.subspan(offsetof(snp::ReportResponse, report), sizeof(snp::AttestationReport));
  if (all_zero(report)) {
    return fail(Code::not_genuine, "report response: the report is all zero: there is none");
  }
  if (response->report.report_data != query.report_data) {
    return fail(Code::not_genuine, "report response: REPORT_DATA is {}, {} was asked for",
                to_hex(response->report.report_data), to_hex(query.report_data));
  }
  if (response->report.vmpl != query.vmpl) {
    return fail(Code::not_genuine, "report response: VMPL is {}, {} was asked for",
                response->report.vmpl.get(), query.vmpl);
  }
  return Bytes(report.begin(), report.end());
}

RequestResult<DerivedKey> read_key_response(ByteView payload) {
  if (auto status = check_status(payload, snp::MessageType::key_rsp); !status) {
    return failed(std::move(status).error());
  }
  if (payload.size() < sizeof(snp::KeyResponse)) {
    return fail(Code::invalid_input, "key response: {} bytes, {} are needed for a key",
                payload.size(), sizeof(snp::KeyResponse));
  }
  const auto key = payload.subspan<offsetof(snp::KeyResponse, derived_key),
                                   sizeof(snp::KeyResponse::derived_key)>();
  if (all_zero(key)) return fail(Code::not_genuine, "key response: the key is all zero");
  return DerivedKey(key);
}

bool is_empty_table(ByteView table) noexcept {
  return all_zero(
      table.first(std::min(table.size(), abi::ghcb::certificate_table::empty_table_size)));
}

}  // namespace extreq::guest
