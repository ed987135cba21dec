// The guest's interface to its attestation device, and the names of configfs-tsm.
//
// Owner: Linux, include/uapi/linux/sev-guest.h (6.1 and later);
// Documentation/virt/coco/sev-guest.rst; Documentation/ABI/testing/configfs-tsm-report (earlier:
// configfs-tsm). Native integers: both ends run on one machine. Definitions only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/ioctl.hpp"

namespace extreq::abi::sev_guest {

inline constexpr std::string_view device_path = "/dev/sev-guest";

struct ReportReq {                         // offset   struct snp_report_req
  std::array<std::uint8_t, 64> user_data;  //  0x00
  std::uint32_t vmpl;                      //  0x40
  std::array<std::uint8_t, 28> rsvd;       //  0x44   zero
};
static_assert(sizeof(ReportReq) == 96 && alignof(ReportReq) == 4);
static_assert(offsetof(ReportReq, user_data) == 0x00 && offsetof(ReportReq, vmpl) == 0x40 &&
              offsetof(ReportReq, rsvd) == 0x44);

struct ReportResp {                     // offset   struct snp_report_resp
  std::array<std::uint8_t, 4000> data;  //  0x00   firmware's MSG_REPORT_RSP
};
static_assert(sizeof(ReportResp) == 4000);

struct DerivedKeyReq {               // offset   struct snp_derived_key_req
  std::uint32_t root_key_select;     //  0x00
  std::uint32_t rsvd;                //  0x04
  std::uint64_t guest_field_select;  //  0x08
  std::uint32_t vmpl;                //  0x10
  std::uint32_t guest_svn;           //  0x14
  std::uint64_t tcb_version;         //  0x18
};
static_assert(sizeof(DerivedKeyReq) == 32 && alignof(DerivedKeyReq) == 8);
static_assert(offsetof(DerivedKeyReq, root_key_select) == 0x00 &&
              offsetof(DerivedKeyReq, rsvd) == 0x04 &&
              offsetof(DerivedKeyReq, guest_field_select) == 0x08 &&
              offsetof(DerivedKeyReq, vmpl) == 0x10 && offsetof(DerivedKeyReq, guest_svn) == 0x14 &&
              offsetof(DerivedKeyReq, tcb_version) == 0x18);

struct DerivedKeyResp {               // offset   struct snp_derived_key_resp
  std::array<std::uint8_t, 64> data;  //  0x00   firmware's MSG_KEY_RSP
};
static_assert(sizeof(DerivedKeyResp) == 64);

struct GuestRequestIoctl {              // offset   struct snp_guest_request_ioctl
  std::uint8_t msg_version;             //  0x00   not zero
  std::array<std::uint8_t, 7> padding;  //  0x01
  std::uint64_t req_data;               //  0x08   address of the request
  std::uint64_t resp_data;              //  0x10   address of the response
  // The GHCB's SW_EXITINFO2: low half fw_error, high half vmm_error (ghcb::guest_request decodes).
  std::uint64_t exitinfo2;  //              0x18
};
static_assert(sizeof(GuestRequestIoctl) == 32 && alignof(GuestRequestIoctl) == 8);
static_assert(offsetof(GuestRequestIoctl, msg_version) == 0x00 &&
              offsetof(GuestRequestIoctl, req_data) == 0x08 &&
              offsetof(GuestRequestIoctl, resp_data) == 0x10 &&
              offsetof(GuestRequestIoctl, exitinfo2) == 0x18);

struct ExtReportReq {                   // offset   struct snp_ext_report_req
  ReportReq data;                       //  0x00
  std::uint64_t certs_address;          //  0x60
  std::uint32_t certs_len;              //  0x68   on INVALID_LEN: bytes needed
  std::array<std::uint8_t, 4> padding;  //  0x6C
};
static_assert(sizeof(ExtReportReq) == 112 && alignof(ExtReportReq) == 8);
static_assert(offsetof(ExtReportReq, data) == 0x00 &&
              offsetof(ExtReportReq, certs_address) == 0x60 &&
              offsetof(ExtReportReq, certs_len) == 0x68);

inline constexpr std::uint8_t ioctl_type = 'S';
inline constexpr std::uint32_t ioctl_get_report = ioctl::iowr<GuestRequestIoctl>(ioctl_type, 0);
inline constexpr std::uint32_t ioctl_get_derived_key =
    ioctl::iowr<GuestRequestIoctl>(ioctl_type, 1);
inline constexpr std::uint32_t ioctl_get_ext_report = ioctl::iowr<GuestRequestIoctl>(ioctl_type, 2);

// The driver's own (drivers/virt/coco/sev-guest, SEV_FW_BLOB_MAX_SIZE): it takes no larger
// certs_len, and configfs-tsm always offers this much. certs_len must be a multiple of a page.
inline constexpr std::uint32_t certificates_max_size = 0x4000;

// configfs-tsm: make a directory in report_path, write inblob (and privlevel), read outblob and
// auxblob, and see by generation whether somebody else wrote in between.
namespace tsm {
inline constexpr std::string_view report_path = "/sys/kernel/config/tsm/report";
inline constexpr std::string_view inblob = "inblob";              // REPORT_DATA
inline constexpr std::string_view outblob = "outblob";            // the report
inline constexpr std::string_view auxblob = "auxblob";            // the certificate table
inline constexpr std::string_view manifestblob = "manifestblob";  // with a service provider only
inline constexpr std::string_view privlevel = "privlevel";        // VMPL
inline constexpr std::string_view privlevel_floor = "privlevel_floor";
inline constexpr std::string_view provider = "provider";
inline constexpr std::string_view generation = "generation";
inline constexpr std::string_view service_provider = "service_provider";
inline constexpr std::string_view service_guid = "service_guid";
inline constexpr std::string_view service_manifest_version = "service_manifest_version";
inline constexpr std::string_view provider_sev_guest = "sev_guest";  // content of provider
inline constexpr std::size_t inblob_max_size = 64;
}  // namespace tsm

}  // namespace extreq::abi::sev_guest
