// What Linux keeps in the part of the secrets page that firmware leaves to the guest's system.
//
// Owner: Linux, arch/x86/include/asm/sev.h (struct secrets_os_area), after the section "Secrets
// Page Layout" of AMD document 56421, revision 2.02. The page itself is abi/snp_firmware.hpp's. All
// integers are little-endian. Definitions only.
#pragma once

#include <cstddef>

#include "abi/little_endian.hpp"
#include "abi/snp_firmware.hpp"

namespace extreq::abi::linux_secrets {

inline constexpr std::size_t os_area_offset = 0xA0;

// msg_seqno_n is the last sequence number that was used under VMPCKn: zero before the first
// message, then even, since a request and its response use one each.
struct OsArea {                 // offset in the area (in the page)
  Le32 msg_seqno_0;             //  0x00 (0x0A0)
  Le32 msg_seqno_1;             //  0x04 (0x0A4)
  Le32 msg_seqno_2;             //  0x08 (0x0A8)
  Le32 msg_seqno_3;             //  0x0C (0x0AC)
  Le64 ap_jump_table_pa;        //  0x10 (0x0B0)
  ByteArray<40> reserved{};     //  0x18 (0x0B8)
  ByteArray<32> guest_usage{};  //  0x40 (0x0E0)
};
static_assert(sizeof(OsArea) == 96 && alignof(OsArea) == 1);
static_assert(offsetof(OsArea, msg_seqno_0) == 0x00 && offsetof(OsArea, msg_seqno_1) == 0x04 &&
              offsetof(OsArea, msg_seqno_2) == 0x08 && offsetof(OsArea, msg_seqno_3) == 0x0C &&
              offsetof(OsArea, ap_jump_table_pa) == 0x10 && offsetof(OsArea, reserved) == 0x18 &&
              offsetof(OsArea, guest_usage) == 0x40);
static_assert(offsetof(snp::SecretsPage, os_area) == os_area_offset);
static_assert(sizeof(snp::SecretsPage::os_area) == sizeof(OsArea));

}  // namespace extreq::abi::linux_secrets
