// The host's interface to the secure processor.
//
// Owner: Linux, include/uapi/linux/psp-sev.h (SNP commands: 6.10 and later); Documentation/virt/
// coco/sev-guest.rst, section "Host ioctls". Where Linux passes the firmware's bytes through, the
// layout is the firmware's: abi/snp_firmware.hpp. The structs are packed and little-endian.
// Definitions only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/ioctl.hpp"
#include "abi/little_endian.hpp"
#include "abi/snp_firmware.hpp"

namespace extreq::abi::sev {

inline constexpr std::string_view device_path = "/dev/sev";

struct IssueCmd {  // offset   struct sev_issue_cmd
  Le32 cmd;        //      0   cmd_*
  Le64 data;       //      4   address of the command's structure
  Le32 error;      //     12   firmware status, or no_fw_call
};
static_assert(sizeof(IssueCmd) == 16 && alignof(IssueCmd) == 1);
static_assert(offsetof(IssueCmd, cmd) == 0 && offsetof(IssueCmd, data) == 4 &&
              offsetof(IssueCmd, error) == 12);

inline constexpr std::uint8_t ioctl_type = 'S';
inline constexpr std::uint32_t ioctl_issue_cmd = ioctl::iowr<IssueCmd>(ioctl_type, 0);

inline constexpr std::uint32_t cmd_factory_reset = 0;
inline constexpr std::uint32_t cmd_platform_status = 1;
inline constexpr std::uint32_t cmd_pek_gen = 2;
inline constexpr std::uint32_t cmd_pek_csr = 3;
inline constexpr std::uint32_t cmd_pdh_gen = 4;
inline constexpr std::uint32_t cmd_pdh_cert_export = 5;
inline constexpr std::uint32_t cmd_pek_cert_import = 6;
inline constexpr std::uint32_t cmd_get_id = 7;
inline constexpr std::uint32_t cmd_get_id2 = 8;
inline constexpr std::uint32_t cmd_snp_platform_status = 9;
inline constexpr std::uint32_t cmd_snp_commit = 10;
inline constexpr std::uint32_t cmd_snp_set_config = 11;
inline constexpr std::uint32_t cmd_snp_vlek_load = 12;

// IssueCmd::error: the firmware was not asked (SEV_RET_NO_FW_CALL).
inline constexpr std::uint32_t no_fw_call = 0xFFFFFFFF;

struct GetId2 {  // offset   struct sev_user_data_get_id2
  Le64 address;  //      0
  Le32 length;   //      8   bytes of the buffer, then bytes of the id
};
static_assert(sizeof(GetId2) == 12 && alignof(GetId2) == 1);
static_assert(offsetof(GetId2, address) == 0 && offsetof(GetId2, length) == 8);

using SnpStatus = snp::PlatformStatus;  // struct sev_user_data_snp_status
using SnpConfig = snp::Config;          // struct sev_user_data_snp_config
static_assert(sizeof(SnpStatus) == 32 && sizeof(SnpConfig) == 64);

struct SnpVlekLoad {            // offset   struct sev_user_data_snp_vlek_load
  Le32 len;                     //      0   of this structure
  U8 vlek_wrapped_version = 0;  //    4
  ByteArray<3> rsvd{};          //      5
  Le64 vlek_wrapped_address;    //      8   of a WrappedVlekHashstick
};
static_assert(sizeof(SnpVlekLoad) == 16 && alignof(SnpVlekLoad) == 1);
static_assert(offsetof(SnpVlekLoad, len) == 0 && offsetof(SnpVlekLoad, vlek_wrapped_version) == 4 &&
              offsetof(SnpVlekLoad, rsvd) == 5 && offsetof(SnpVlekLoad, vlek_wrapped_address) == 8);

using WrappedVlekHashstick = snp::WrappedVlek;  // sev_user_data_snp_wrapped_vlek_hashstick
static_assert(sizeof(WrappedVlekHashstick) == 432);

}  // namespace extreq::abi::sev
