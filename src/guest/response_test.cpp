#include "guest/response.hpp"

#include <gmock/gmock.h>

#include "base/byte_builder.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;
using testing::HasSubstr;

ReportQuery query() {
  ReportQuery query;
  query.report_data.fill(0x42);
  query.vmpl = 2;
  query.key_sel = snp::key_sel_vlek;
  return query;
}

snp::ReportResponse good_response() {
  snp::ReportResponse response;
  response.report_size = sizeof(snp::AttestationReport);
  response.report.version = 5;
  response.report.report_data.fill(0x42);
  response.report.vmpl = 2;
  return response;
}

Bytes bytes_of(const auto& layout) { return ByteBuilder().object(layout).take(); }

TEST(ReportRequest, HoldsWhatWasAskedAndNothingElse) {
  const auto request = to_request(query());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->report_data, query().report_data);
  EXPECT_EQ(request->vmpl, 2U);
  EXPECT_EQ(request->key_sel, snp::key_sel_vlek);
  EXPECT_TRUE(all_zero(request->reserved));
}

TEST(ReportRequest, AVmplOrAKeySelectionThatDoesNotExistIsNotAsked) {
  ReportQuery wrong = query();
  wrong.vmpl = 4;
  EXPECT_EQ(to_request(wrong).error().message, "report request: VMPL 4 is not 0 to 3");
  wrong = query();
  wrong.key_sel = 3;
  EXPECT_EQ(to_request(wrong).error().code, Code::invalid_input);
}

TEST(ReportResponse, GivesTheReportsBytesUnchanged) {
  const auto response = good_response();
  Bytes padded = bytes_of(response);
  padded.resize(snp::message_payload_max);  // as Linux's driver hands it over
  const auto report = read_report_response(padded, query());
  ASSERT_TRUE(report) << report.error().error.message;
  EXPECT_EQ(*report, bytes_of(response.report));
}

TEST(ReportResponse, AStatusIsAFailureOfItsOwnKind) {
  auto response = good_response();
  response.status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_key);
  const auto report = read_report_response(bytes_of(response), query());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().response_status,
            static_cast<std::uint32_t>(snp::CommandStatus::invalid_key));
  EXPECT_FALSE(report.error().firmware_status);
}

TEST(ReportResponse, ARefusalMayComeWithoutTheRest) {
  const auto report = read_report_response(
      ByteBuilder().u32(static_cast<std::uint32_t>(snp::CommandStatus::invalid_param)).view(),
      query());
  EXPECT_TRUE(report.error().response_status);
}

TEST(ReportResponse, EveryShorterPayloadIsRefused) {
  const Bytes whole = bytes_of(good_response());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto report = read_report_response(ByteView(whole).first(size), query());
    ASSERT_FALSE(report) << size;
    EXPECT_EQ(report.error().error.code, Code::invalid_input) << size;
  }
}

TEST(ReportResponse, ReportSizeMustBeThatOfAReport) {
  for (const std::uint32_t size : {0U, 0x49FU, 0x4A1U, 0xFFFFFFFFU}) {
    auto response = good_response();
    response.report_size = size;
    EXPECT_THAT(read_report_response(bytes_of(response), query()).error().error.message,
                HasSubstr("REPORT_SIZE"));
  }
}

// svsm#589: an all-zero report was saved as a success.
TEST(ReportResponse, AReportOfZerosIsNone) {
  snp::ReportResponse response;
  response.report_size = sizeof(snp::AttestationReport);
  const ReportQuery asked_for_zeros;
  const auto report = read_report_response(bytes_of(response), asked_for_zeros);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().error.code, Code::not_genuine);
  EXPECT_THAT(report.error().error.message, HasSubstr("all zero"));
}

TEST(ReportResponse, EveryChangedBitOfReportDataAndVmplIsRefused) {
  const Bytes whole = bytes_of(good_response());
  const auto refused = [&](std::size_t begin, std::size_t size) {
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      Bytes changed = whole;
      auto& byte = changed[offsetof(snp::ReportResponse, report) + begin + bit / 8];
      byte = static_cast<std::uint8_t>(byte ^ (1U << (bit % 8)));
      const auto report = read_report_response(changed, query());
      ASSERT_FALSE(report) << begin << " bit " << bit;
      EXPECT_EQ(report.error().error.code, Code::not_genuine);
    }
  };
  refused(offsetof(snp::AttestationReport, report_data), 64);
  refused(offsetof(snp::AttestationReport, vmpl), 4);
}

TEST(KeyResponse, GivesTheKey) {
  snp::KeyResponse response;
  response.derived_key.fill(9);
  const auto key = read_key_response(bytes_of(response));
  ASSERT_TRUE(key);
  EXPECT_TRUE(std::ranges::equal(key->view(), response.derived_key));
}

TEST(KeyResponse, StatusLengthAndAKeyOfZerosAreRefused) {
  snp::KeyResponse response;
  EXPECT_EQ(read_key_response(bytes_of(response)).error().error.code, Code::not_genuine);
  response.derived_key.fill(9);
  const Bytes whole = bytes_of(response);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_key_response(ByteView(whole).first(size))) << size;
  }
  response.status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_param);
  EXPECT_TRUE(read_key_response(bytes_of(response)).error().response_status);
}

TEST(EmptyTable, IsNoBytesOrAFirstEntryOfZeros) {
  EXPECT_TRUE(is_empty_table({}));
  EXPECT_TRUE(is_empty_table(Bytes(5)));
  Bytes table(48);
  table[24] = 1;
  EXPECT_TRUE(is_empty_table(table));
  table[23] = 1;
  EXPECT_FALSE(is_empty_table(table));
}

}  // namespace
}  // namespace extreq::guest
