// What the system's own headers define must be what abi/sev_guest.hpp and abi/ghcb.hpp say.
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include "abi/ghcb.hpp"
#include "abi/layout_test.hpp"
#include "abi/sev_guest.hpp"

namespace extreq::abi {
namespace {

TEST(SevGuestSystemHeader, AgreesOnStructures) {
  using namespace sev_guest;
  expect_numbers({
      {"sizeof report_req", sizeof(ReportReq), sizeof(snp_report_req)},
      {"report_req.user_data", offsetof(ReportReq, user_data), offsetof(snp_report_req, user_data)},
      {"report_req.vmpl", offsetof(ReportReq, vmpl), offsetof(snp_report_req, vmpl)},
      {"report_req.rsvd", offsetof(ReportReq, rsvd), offsetof(snp_report_req, rsvd)},
      {"sizeof report_resp", sizeof(ReportResp), sizeof(snp_report_resp)},
      {"sizeof derived_key_req", sizeof(DerivedKeyReq), sizeof(snp_derived_key_req)},
      {"derived_key_req.root_key_select", offsetof(DerivedKeyReq, root_key_select),
       offsetof(snp_derived_key_req, root_key_select)},
      {"derived_key_req.guest_field_select", offsetof(DerivedKeyReq, guest_field_select),
       offsetof(snp_derived_key_req, guest_field_select)},
      {"derived_key_req.vmpl", offsetof(DerivedKeyReq, vmpl), offsetof(snp_derived_key_req, vmpl)},
      {"derived_key_req.guest_svn", offsetof(DerivedKeyReq, guest_svn),
       offsetof(snp_derived_key_req, guest_svn)},
      {"derived_key_req.tcb_version", offsetof(DerivedKeyReq, tcb_version),
       offsetof(snp_derived_key_req, tcb_version)},
      {"sizeof derived_key_resp", sizeof(DerivedKeyResp), sizeof(snp_derived_key_resp)},
      {"sizeof ioctl", sizeof(GuestRequestIoctl), sizeof(snp_guest_request_ioctl)},
      {"ioctl.msg_version", offsetof(GuestRequestIoctl, msg_version),
       offsetof(snp_guest_request_ioctl, msg_version)},
      {"ioctl.req_data", offsetof(GuestRequestIoctl, req_data),
       offsetof(snp_guest_request_ioctl, req_data)},
      {"ioctl.resp_data", offsetof(GuestRequestIoctl, resp_data),
       offsetof(snp_guest_request_ioctl, resp_data)},
#ifdef SNP_GUEST_VMM_ERR_SHIFT
      {"ioctl.exitinfo2", offsetof(GuestRequestIoctl, exitinfo2),
       offsetof(snp_guest_request_ioctl, exitinfo2)},
#endif
      {"sizeof ext_report_req", sizeof(ExtReportReq), sizeof(snp_ext_report_req)},
      {"ext_report_req.data", offsetof(ExtReportReq, data), offsetof(snp_ext_report_req, data)},
      {"ext_report_req.certs_address", offsetof(ExtReportReq, certs_address),
       offsetof(snp_ext_report_req, certs_address)},
      {"ext_report_req.certs_len", offsetof(ExtReportReq, certs_len),
       offsetof(snp_ext_report_req, certs_len)},
  });
}

TEST(SevGuestSystemHeader, AgreesOnConstants) {
  expect_numbers({
      {"ioctl_get_report", sev_guest::ioctl_get_report, SNP_GET_REPORT},
      {"ioctl_get_derived_key", sev_guest::ioctl_get_derived_key, SNP_GET_DERIVED_KEY},
      {"ioctl_get_ext_report", sev_guest::ioctl_get_ext_report, SNP_GET_EXT_REPORT},
#ifdef SNP_GUEST_VMM_ERR_SHIFT
      {"vmm_error_shift", ghcb::guest_request::vmm_error_shift, SNP_GUEST_VMM_ERR_SHIFT},
#endif
#ifdef SNP_GUEST_VMM_ERR_INVALID_LEN
      {"vmm_error_invalid_len", ghcb::guest_request::vmm_error_invalid_len,
       SNP_GUEST_VMM_ERR_INVALID_LEN},
#endif
#ifdef SNP_GUEST_VMM_ERR_BUSY
      {"vmm_error_busy", ghcb::guest_request::vmm_error_busy, SNP_GUEST_VMM_ERR_BUSY},
#endif
  });
}

#ifdef SNP_GUEST_VMM_ERR_SHIFT
// The kernel's structure lays two halves over exitinfo2; ours decodes them.
TEST(SevGuestSystemHeader, AgreesOnTheHalvesOfExitinfo2) {
  snp_guest_request_ioctl request{};
  request.fw_error = 0x1D;
  request.vmm_error = 2;
  EXPECT_EQ(ghcb::guest_request::encode_exitinfo2(2, 0x1D), request.exitinfo2);
  EXPECT_EQ(ghcb::guest_request::decode_firmware_status(request.exitinfo2), request.fw_error);
  EXPECT_EQ(ghcb::guest_request::decode_vmm_error(request.exitinfo2), request.vmm_error);
}
#endif

}  // namespace
}  // namespace extreq::abi
