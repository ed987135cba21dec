#include "abi/sev_guest.hpp"

#include "abi/layout_test.hpp"

namespace extreq::abi::sev_guest {
namespace {

TEST(SevGuest, StructuresAreThoseOfTheKernel) {
  expect_places({
      {"report_req.user_data", place(&ReportReq::user_data), {0, 64}},
      {"report_req.vmpl", place(&ReportReq::vmpl), {64, 4}},
      {"report_req.rsvd", place(&ReportReq::rsvd), {68, 28}},
      {"report_resp.data", place(&ReportResp::data), {0, 4000}},
      {"derived_key_req.root_key_select", place(&DerivedKeyReq::root_key_select), {0, 4}},
      {"derived_key_req.rsvd", place(&DerivedKeyReq::rsvd), {4, 4}},
      {"derived_key_req.guest_field_select", place(&DerivedKeyReq::guest_field_select), {8, 8}},
      {"derived_key_req.vmpl", place(&DerivedKeyReq::vmpl), {16, 4}},
      {"derived_key_req.guest_svn", place(&DerivedKeyReq::guest_svn), {20, 4}},
      {"derived_key_req.tcb_version", place(&DerivedKeyReq::tcb_version), {24, 8}},
      {"derived_key_resp.data", place(&DerivedKeyResp::data), {0, 64}},
      {"ioctl.msg_version", place(&GuestRequestIoctl::msg_version), {0, 1}},
      {"ioctl.req_data", place(&GuestRequestIoctl::req_data), {8, 8}},
      {"ioctl.resp_data", place(&GuestRequestIoctl::resp_data), {16, 8}},
      {"ioctl.exitinfo2", place(&GuestRequestIoctl::exitinfo2), {24, 8}},
      {"ext_report_req.data", place(&ExtReportReq::data), {0, 96}},
      {"ext_report_req.certs_address", place(&ExtReportReq::certs_address), {96, 8}},
      {"ext_report_req.certs_len", place(&ExtReportReq::certs_len), {104, 4}},
  });
  expect_numbers({
      {"sizeof ReportReq", sizeof(ReportReq), 96},
      {"sizeof ReportResp", sizeof(ReportResp), 4000},
      {"sizeof DerivedKeyReq", sizeof(DerivedKeyReq), 32},
      {"sizeof DerivedKeyResp", sizeof(DerivedKeyResp), 64},
      {"sizeof GuestRequestIoctl", sizeof(GuestRequestIoctl), 32},
      {"sizeof ExtReportReq", sizeof(ExtReportReq), 112},
  });
}

TEST(SevGuest, ConstantsAreThoseOfTheKernel) {
  expect_numbers({
      {"ioctl_get_report", ioctl_get_report, 0xC0205300},
      {"ioctl_get_derived_key", ioctl_get_derived_key, 0xC0205301},
      {"ioctl_get_ext_report", ioctl_get_ext_report, 0xC0205302},
      {"certificates_max_size", certificates_max_size, 16384},
      {"inblob_max_size", tsm::inblob_max_size, 64},
  });
}

TEST(SevGuest, NamesAreThoseOfTheKernel) {
  EXPECT_EQ(device_path, "/dev/sev-guest");
  EXPECT_EQ(tsm::report_path, "/sys/kernel/config/tsm/report");
  EXPECT_EQ(tsm::inblob, "inblob");
  EXPECT_EQ(tsm::outblob, "outblob");
  EXPECT_EQ(tsm::auxblob, "auxblob");
  EXPECT_EQ(tsm::manifestblob, "manifestblob");
  EXPECT_EQ(tsm::privlevel, "privlevel");
  EXPECT_EQ(tsm::privlevel_floor, "privlevel_floor");
  EXPECT_EQ(tsm::provider, "provider");
  EXPECT_EQ(tsm::generation, "generation");
  EXPECT_EQ(tsm::service_provider, "service_provider");
  EXPECT_EQ(tsm::service_guid, "service_guid");
  EXPECT_EQ(tsm::service_manifest_version, "service_manifest_version");
  EXPECT_EQ(tsm::provider_sev_guest, "sev_guest");
}

}  // namespace
}  // namespace extreq::abi::sev_guest
