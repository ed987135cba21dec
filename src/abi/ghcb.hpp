// The numbers and layouts of the guest-hypervisor communication block (GHCB).
//
// Owner: AMD, document 56421, "SEV-ES Guest-Hypervisor Communication Block Standardization",
// revision 2.02 (January 2023) where not said otherwise. Titles are given rather than section and
// table numbers, which move between revisions.
// All integers are little-endian. Definitions only: no behaviour, no I/O. The page is the guest's,
// which may change it at any moment: fetch each field once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"

namespace extreq::abi::ghcb {

inline constexpr std::size_t page_size = 4096;
inline constexpr unsigned page_shift = 12;

inline constexpr std::uint16_t protocol_version_min = 1;
inline constexpr std::uint16_t protocol_version_max = 2;  // 2: SEV-SNP
inline constexpr std::uint32_t usage_standard = 0;

inline constexpr std::size_t shared_buffer_size = 2032;
inline constexpr std::size_t valid_bitmap_size = 16;

// ---------------------------------------------------------------------------------------------
// The page (table of the GHCB layout).
struct Page {                                     // offset
  ByteArray<203> reserved_000{};                  //  0x000
  U8 cpl = 0;                                     //  0x0CB
  ByteArray<116> reserved_0cc{};                  //  0x0CC
  Le64 xss;                                       //  0x140
  ByteArray<24> reserved_148{};                   //  0x148
  Le64 dr7;                                       //  0x160
  ByteArray<144> reserved_168{};                  //  0x168
  Le64 rax;                                       //  0x1F8
  ByteArray<264> reserved_200{};                  //  0x200
  Le64 rcx;                                       //  0x308
  Le64 rdx;                                       //  0x310
  Le64 rbx;                                       //  0x318
  ByteArray<8> reserved_320{};                    //  0x320
  Le64 rbp;                                       //  0x328
  Le64 rsi;                                       //  0x330
  Le64 rdi;                                       //  0x338
  Le64 r8;                                        //  0x340
  Le64 r9;                                        //  0x348
  Le64 r10;                                       //  0x350
  Le64 r11;                                       //  0x358
  Le64 r12;                                       //  0x360
  Le64 r13;                                       //  0x368
  Le64 r14;                                       //  0x370
  Le64 r15;                                       //  0x378
  ByteArray<16> reserved_380{};                   //  0x380
  Le64 sw_exitcode;                               //  0x390
  Le64 sw_exitinfo1;                              //  0x398
  Le64 sw_exitinfo2;                              //  0x3A0
  Le64 sw_scratch;                                //  0x3A8
  ByteArray<56> reserved_3b0{};                   //  0x3B0
  Le64 xcr0;                                      //  0x3E8
  ByteArray<valid_bitmap_size> valid_bitmap{};    //  0x3F0
  Le64 x87_state_gpa;                             //  0x400
  ByteArray<1016> reserved_408{};                 //  0x408
  ByteArray<shared_buffer_size> shared_buffer{};  //  0x800
  ByteArray<10> reserved_ff0{};                   //  0xFF0
  Le16 protocol_version;                          //  0xFFA
  Le32 usage;                                     //  0xFFC
};
static_assert(sizeof(Page) == page_size && alignof(Page) == 1);
static_assert(offsetof(Page, cpl) == 0x0CB);
static_assert(offsetof(Page, xss) == 0x140);
static_assert(offsetof(Page, dr7) == 0x160);
static_assert(offsetof(Page, rax) == 0x1F8);
static_assert(offsetof(Page, rcx) == 0x308);
static_assert(offsetof(Page, rdx) == 0x310);
static_assert(offsetof(Page, rbx) == 0x318);
static_assert(offsetof(Page, rbp) == 0x328);
static_assert(offsetof(Page, rsi) == 0x330);
static_assert(offsetof(Page, rdi) == 0x338);
static_assert(offsetof(Page, r8) == 0x340);
static_assert(offsetof(Page, r9) == 0x348);
static_assert(offsetof(Page, r10) == 0x350);
static_assert(offsetof(Page, r11) == 0x358);
static_assert(offsetof(Page, r12) == 0x360);
static_assert(offsetof(Page, r13) == 0x368);
static_assert(offsetof(Page, r14) == 0x370);
static_assert(offsetof(Page, r15) == 0x378);
static_assert(offsetof(Page, sw_exitcode) == 0x390);
static_assert(offsetof(Page, sw_exitinfo1) == 0x398);
static_assert(offsetof(Page, sw_exitinfo2) == 0x3A0);
static_assert(offsetof(Page, sw_scratch) == 0x3A8);
static_assert(offsetof(Page, xcr0) == 0x3E8);
static_assert(offsetof(Page, valid_bitmap) == 0x3F0);
static_assert(offsetof(Page, x87_state_gpa) == 0x400);
static_assert(offsetof(Page, shared_buffer) == 0x800);
static_assert(offsetof(Page, reserved_ff0) == 0xFF0);
static_assert(offsetof(Page, protocol_version) == 0xFFA);
static_assert(offsetof(Page, usage) == 0xFFC);

// VALID_BITMAP: bit n says that the 8 bytes at offset 8n are valid. It covers offsets below 0x400.
using ValidBitmap = ByteArray<valid_bitmap_size>;

[[nodiscard]] constexpr std::size_t valid_bit(std::size_t field_offset) noexcept {
  return field_offset / 8;
}
// False for an offset that the bitmap does not cover.
[[nodiscard]] constexpr bool is_valid(const ValidBitmap& bitmap,
                                      std::size_t field_offset) noexcept {
  const std::size_t bit = valid_bit(field_offset);
  return bit / 8 < bitmap.size() && ((bitmap[bit / 8] >> (bit % 8)) & 1U) != 0;
}
// Changes nothing for an offset that the bitmap does not cover.
constexpr void mark_valid(ValidBitmap& bitmap, std::size_t field_offset) noexcept {
  const std::size_t bit = valid_bit(field_offset);
  if (bit / 8 < bitmap.size()) {
    bitmap[bit / 8] = static_cast<std::uint8_t>(bitmap[bit / 8] | 1U << (bit % 8));
  }
}

// ---------------------------------------------------------------------------------------------
// MSR protocol ("GHCB MSR Protocol"): the value of one MSR is request and answer. Bits
// 11:0 are the info code, the rest is data whose form the code decides. Reserved bits are zero in
// what encode_*() gives and ignored by decode_*().
namespace msr {

inline constexpr std::uint32_t number = 0xC0010130;

inline constexpr std::uint64_t info_ghcb_gpa = 0x000;  // bits 63:12 are the page: an NAE event
inline constexpr std::uint64_t info_sev_info_response = 0x001;
inline constexpr std::uint64_t info_sev_info_request = 0x002;
inline constexpr std::uint64_t info_cpuid_request = 0x004;
inline constexpr std::uint64_t info_cpuid_response = 0x005;
inline constexpr std::uint64_t info_ap_reset_hold_request = 0x006;
inline constexpr std::uint64_t info_ap_reset_hold_response = 0x007;
inline constexpr std::uint64_t info_preferred_gpa_request = 0x010;
inline constexpr std::uint64_t info_preferred_gpa_response = 0x011;
inline constexpr std::uint64_t info_register_gpa_request = 0x012;
inline constexpr std::uint64_t info_register_gpa_response = 0x013;
inline constexpr std::uint64_t info_page_state_change_request = 0x014;
inline constexpr std::uint64_t info_page_state_change_response = 0x015;
inline constexpr std::uint64_t info_run_vmpl_request = 0x016;
inline constexpr std::uint64_t info_run_vmpl_response = 0x017;
inline constexpr std::uint64_t info_hypervisor_features_request = 0x080;
inline constexpr std::uint64_t info_hypervisor_features_response = 0x081;
inline constexpr std::uint64_t info_termination_request = 0x100;

inline constexpr std::uint64_t info_mask = 0xFFF;
inline constexpr unsigned data_shift = 12;
inline constexpr std::uint64_t data_max = 0xFFFFFFFFFFFFF;  // 52 bits

[[nodiscard]] constexpr std::uint64_t info(std::uint64_t value) noexcept {
  return value & info_mask;
}
[[nodiscard]] constexpr std::uint64_t data(std::uint64_t value) noexcept {
  return value >> data_shift;
}
[[nodiscard]] constexpr std::uint64_t compose(std::uint64_t info, std::uint64_t data) noexcept {
  return data << data_shift | (info & info_mask);
}

// 0x000: the GHCB page's guest-physical address.
[[nodiscard]] constexpr std::uint64_t decode_ghcb_gpa(std::uint64_t value) noexcept {
  return value & ~info_mask;
}

// 0x001, 0x002: maximum version 63:48, minimum version 47:32, number of the C-bit 31:24.
struct SevInfo {
  std::uint16_t max_version = 0;
  std::uint16_t min_version = 0;
  std::uint8_t c_bit = 0;
  friend constexpr bool operator==(const SevInfo&, const SevInfo&) = default;
};
[[nodiscard]] constexpr std::uint64_t encode_sev_info_request() noexcept {
  return info_sev_info_request;
}
[[nodiscard]] constexpr std::uint64_t encode_sev_info_response(SevInfo sev_info) noexcept {
  return std::uint64_t{sev_info.max_version} << 48 | std::uint64_t{sev_info.min_version} << 32 |
         std::uint64_t{sev_info.c_bit} << 24 | info_sev_info_response;
}
[[nodiscard]] constexpr SevInfo decode_sev_info_response(std::uint64_t value) noexcept {
  return {static_cast<std::uint16_t>(value >> 48), static_cast<std::uint16_t>(value >> 32),
          static_cast<std::uint8_t>(value >> 24)};
}

// 0x010, 0x011: the answer's data are a guest frame number, all ones for "no preference".
inline constexpr std::uint64_t preferred_gfn_none = data_max;
[[nodiscard]] constexpr std::uint64_t encode_preferred_gpa_response(std::uint64_t gfn) noexcept {
  return compose(info_preferred_gpa_response, gfn);
}

// 0x012, 0x013: data are a guest frame number; the answer repeats it, all ones for "refused".
[[nodiscard]] constexpr std::uint64_t encode_register_gpa_request(std::uint64_t gfn) noexcept {
  return compose(info_register_gpa_request, gfn);
}
[[nodiscard]] constexpr std::uint64_t decode_register_gpa_request(std::uint64_t value) noexcept {
  return data(value);
}
[[nodiscard]] constexpr std::uint64_t encode_register_gpa_response(std::uint64_t gfn) noexcept {
  return compose(info_register_gpa_response, gfn);
}

// 0x014, 0x015: operation 55:52 (page_state_change::operation_*), guest frame number 51:12. The
// answer's bits 63:32 are an error, zero for success.
struct PageStateChange {
  std::uint64_t gfn = 0;  // 40 bits
  std::uint8_t operation = 0;
  friend constexpr bool operator==(const PageStateChange&, const PageStateChange&) = default;
};
inline constexpr std::uint64_t page_state_change_gfn_max = 0xFFFFFFFFFF;
[[nodiscard]] constexpr std::uint64_t encode_page_state_change_request(
    PageStateChange change) noexcept {
  return (std::uint64_t{change.operation} & 0xF) << 52 |
         (change.gfn & page_state_change_gfn_max) << 12 | info_page_state_change_request;
}
[[nodiscard]] constexpr PageStateChange decode_page_state_change_request(
    std::uint64_t value) noexcept {
  return {(value >> 12) & page_state_change_gfn_max,
          static_cast<std::uint8_t>((value >> 52) & 0xF)};
}
[[nodiscard]] constexpr std::uint64_t encode_page_state_change_response(
    std::uint32_t error) noexcept {
  return std::uint64_t{error} << 32 | info_page_state_change_response;
}
[[nodiscard]] constexpr std::uint32_t decode_page_state_change_response(
    std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value >> 32);
}

// 0x080, 0x081: the answer's data are hypervisor_features::* bits.
[[nodiscard]] constexpr std::uint64_t encode_hypervisor_features_request() noexcept {
  return info_hypervisor_features_request;
}
[[nodiscard]] constexpr std::uint64_t encode_hypervisor_features_response(
    std::uint64_t features) noexcept {
  return compose(info_hypervisor_features_response, features);
}
[[nodiscard]] constexpr std::uint64_t decode_hypervisor_features_response(
    std::uint64_t value) noexcept {
  return data(value);
}

}  // namespace msr

// Hypervisor features ("Hypervisor Features"), in the MSR protocol and, as
// SW_EXITINFO2, in the NAE event.
namespace hypervisor_features {
inline constexpr std::uint64_t snp = 1U << 0;
inline constexpr std::uint64_t snp_ap_creation = 1U << 1;
inline constexpr std::uint64_t restricted_injection = 1U << 2;
inline constexpr std::uint64_t restricted_injection_timer = 1U << 3;
inline constexpr std::uint64_t apic_id_list = 1U << 4;
inline constexpr std::uint64_t snp_multi_vmpl = 1U << 5;
}  // namespace hypervisor_features

// ---------------------------------------------------------------------------------------------
// NAE events (table of the non-automatic exits): SW_EXITCODE. Those below 0x80000000 are
// the processor's own intercept codes.
namespace event {
inline constexpr std::uint64_t read_dr7 = 0x27;
inline constexpr std::uint64_t write_dr7 = 0x37;
inline constexpr std::uint64_t rdtsc = 0x6E;
inline constexpr std::uint64_t rdpmc = 0x6F;
inline constexpr std::uint64_t cpuid = 0x72;
inline constexpr std::uint64_t invd = 0x76;
inline constexpr std::uint64_t ioio = 0x7B;
inline constexpr std::uint64_t msr = 0x7C;
inline constexpr std::uint64_t vmmcall = 0x81;
inline constexpr std::uint64_t rdtscp = 0x87;
inline constexpr std::uint64_t wbinvd = 0x89;
inline constexpr std::uint64_t monitor = 0x8A;
inline constexpr std::uint64_t mwait = 0x8B;

inline constexpr std::uint64_t mmio_read = 0x80000001;
inline constexpr std::uint64_t mmio_write = 0x80000002;
inline constexpr std::uint64_t nmi_complete = 0x80000003;
inline constexpr std::uint64_t ap_reset_hold = 0x80000004;
inline constexpr std::uint64_t ap_jump_table = 0x80000005;
inline constexpr std::uint64_t page_state_change = 0x80000010;
inline constexpr std::uint64_t guest_request = 0x80000011;
inline constexpr std::uint64_t extended_guest_request = 0x80000012;
inline constexpr std::uint64_t ap_creation = 0x80000013;
inline constexpr std::uint64_t hv_doorbell_page = 0x80000014;
inline constexpr std::uint64_t hv_ipi = 0x80000015;
inline constexpr std::uint64_t hv_timer = 0x80000016;
inline constexpr std::uint64_t apic_id_list = 0x80000017;
inline constexpr std::uint64_t run_vmpl = 0x80000018;
inline constexpr std::uint64_t secure_avic = 0x8000001A;  // Linux, asm/svm.h: SVM_VMGEXIT_SAVIC
inline constexpr std::uint64_t hypervisor_features = 0x8000FFFD;
inline constexpr std::uint64_t termination_request = 0x8000FFFE;
inline constexpr std::uint64_t unsupported_event = 0x8000FFFF;
}  // namespace event

// AP creation ("SNP AP Creation"): the request in SW_EXITINFO1 31:0; 63:32 are the APIC ID.
namespace ap_creation {
inline constexpr std::uint32_t create_on_init = 0;
inline constexpr std::uint32_t create = 1;
inline constexpr std::uint32_t destroy = 2;
}  // namespace ap_creation

// SW_EXITINFO1 on return, low 32 bits (field SW_EXITINFO1).
namespace answer {
inline constexpr std::uint32_t no_action = 0;
inline constexpr std::uint32_t issue_exception = 1;  // SW_EXITINFO2: exception()
inline constexpr std::uint32_t malformed_input = 2;  // SW_EXITINFO2: malformed::*
}  // namespace answer

// SW_EXITINFO2 with answer::malformed_input: why.
namespace malformed {
inline constexpr std::uint64_t ghcb_not_registered = 1;
inline constexpr std::uint64_t invalid_usage = 2;
inline constexpr std::uint64_t invalid_scratch_area = 3;
inline constexpr std::uint64_t missing_input = 4;
inline constexpr std::uint64_t invalid_input = 5;
inline constexpr std::uint64_t invalid_event = 6;
}  // namespace malformed

// SW_EXITINFO2 with answer::issue_exception, in the form of the VMCB's EVENTINJ without an error
// code: vector 7:0, type 10:8 (3 = exception), valid 31. Only #GP and #UD are allowed.
inline constexpr std::uint8_t vector_ud = 6;
inline constexpr std::uint8_t vector_gp = 13;
inline constexpr std::uint64_t exception_type = 3;
[[nodiscard]] constexpr std::uint64_t encode_exception(std::uint8_t vector) noexcept {
  return std::uint64_t{1} << 31 | exception_type << 8 | vector;
}

// ---------------------------------------------------------------------------------------------
// Termination ("Termination Request"). Reason set 0 is the document's; other sets belong to
// guest systems: set 1 is Linux's (arch/x86/include/asm/sev-common.h, GHCB_TERM_*, as of 7.3).
// MSR protocol: set 15:12, code 23:16.
struct Termination {
  std::uint8_t reason_set = 0;  // 4 bits
  std::uint8_t reason_code = 0;
  friend constexpr bool operator==(const Termination&, const Termination&) = default;
};
namespace termination {
inline constexpr std::uint8_t set_general = 0;
inline constexpr std::uint8_t general_request = 0;
inline constexpr std::uint8_t protocol_unsupported = 1;
inline constexpr std::uint8_t snp_features_unsupported = 2;

inline constexpr std::uint8_t set_linux = 1;
inline constexpr std::uint8_t linux_register = 0;
inline constexpr std::uint8_t linux_psc = 1;
inline constexpr std::uint8_t linux_pvalidate = 2;
inline constexpr std::uint8_t linux_not_vmpl0 = 3;
inline constexpr std::uint8_t linux_cpuid = 4;
inline constexpr std::uint8_t linux_cpuid_hv = 5;
inline constexpr std::uint8_t linux_secrets_page = 6;
inline constexpr std::uint8_t linux_no_svsm = 7;
inline constexpr std::uint8_t linux_svsm_vmpl0 = 8;
inline constexpr std::uint8_t linux_svsm_caa = 9;
inline constexpr std::uint8_t linux_secure_tsc = 10;
inline constexpr std::uint8_t linux_svsm_ca_remap_fail = 11;
inline constexpr std::uint8_t linux_savic_fail = 12;
}  // namespace termination

[[nodiscard]] constexpr Termination decode_termination_msr(std::uint64_t value) noexcept {
  return {static_cast<std::uint8_t>((value >> 12) & 0xF), static_cast<std::uint8_t>(value >> 16)};
}

// ---------------------------------------------------------------------------------------------
// Page state change ("SNP Page State Change"): SW_SCRATCH holds the guest-physical address
// of a Buffer.
namespace page_state_change {

inline constexpr std::size_t entry_max = 253;  // what fits the shared buffer

inline constexpr std::uint8_t operation_private = 1;
inline constexpr std::uint8_t operation_shared = 2;
inline constexpr std::uint8_t operation_psmash = 3;
inline constexpr std::uint8_t operation_unsmash = 4;

inline constexpr std::uint8_t pagesize_4k = 0;
inline constexpr std::uint8_t pagesize_2m = 1;
inline constexpr std::uint16_t pages_of_2m = 512;

struct Header {    // offset
  Le16 cur_entry;  //      0   the next entry to handle; the hypervisor moves it on
  Le16 end_entry;  //      2   the last entry, included
  Le32 reserved;   //      4
};
static_assert(sizeof(Header) == 8);
static_assert(offsetof(Header, cur_entry) == 0 && offsetof(Header, end_entry) == 2 &&
              offsetof(Header, reserved) == 4);

struct Buffer {                           // offset
  Header header;                          //  0x000
  std::array<Le64, entry_max> entries{};  //  0x008
};
static_assert(sizeof(Buffer) == shared_buffer_size && alignof(Buffer) == 1);
static_assert(offsetof(Buffer, header) == 0 && offsetof(Buffer, entries) == 8);

// One entry: cur_page 11:0, guest frame number 51:12, operation 55:52, page size 56.
struct Entry {
  std::uint64_t gfn = 0;       // 40 bits
  std::uint16_t cur_page = 0;  // 12 bits: 4 KiB pages of this entry already done
  std::uint8_t operation = 0;  // 4 bits
  std::uint8_t pagesize = 0;   // 1 bit
  friend constexpr bool operator==(const Entry&, const Entry&) = default;
};
inline constexpr std::uint64_t entry_reserved_mask = 0xFE00000000000000;

[[nodiscard]] constexpr std::uint64_t encode_entry(Entry entry) noexcept {
  return (std::uint64_t{entry.pagesize} & 1) << 56 | (std::uint64_t{entry.operation} & 0xF) << 52 |
         (entry.gfn & msr::page_state_change_gfn_max) << 12 |
         (std::uint64_t{entry.cur_page} & 0xFFF);
}
[[nodiscard]] constexpr Entry decode_entry(std::uint64_t value) noexcept {
  return {(value >> 12) & msr::page_state_change_gfn_max, static_cast<std::uint16_t>(value & 0xFFF),
          static_cast<std::uint8_t>((value >> 52) & 0xF),
          static_cast<std::uint8_t>((value >> 56) & 1)};
}

// SW_EXITINFO2: bits 63:32 zero for success.
inline constexpr std::uint64_t error_invalid_header = 0x100000001;
inline constexpr std::uint64_t error_invalid_entry = 0x100000002;

}  // namespace page_state_change

// ---------------------------------------------------------------------------------------------
// Guest requests ("SNP Guest Request", "SNP Extended Guest Request"). SW_EXITINFO2 on
// return: firmware status 31:0, the hypervisor's (VMM) error 63:32. Keep the two apart.
namespace guest_request {

inline constexpr unsigned vmm_error_shift = 32;
inline constexpr std::uint64_t firmware_status_mask = 0xFFFFFFFF;

inline constexpr std::uint32_t vmm_error_none = 0;
inline constexpr std::uint32_t vmm_error_invalid_len = 1;  // RBX = pages needed
inline constexpr std::uint32_t vmm_error_busy = 2;         // not yet in revision 2.00: retry

[[nodiscard]] constexpr std::uint64_t encode_exitinfo2(std::uint32_t vmm_error,
                                                       std::uint32_t firmware_status) noexcept {
  return std::uint64_t{vmm_error} << vmm_error_shift | firmware_status;
}
[[nodiscard]] constexpr std::uint32_t decode_vmm_error(std::uint64_t exitinfo2) noexcept {
  return static_cast<std::uint32_t>(exitinfo2 >> vmm_error_shift);
}
[[nodiscard]] constexpr std::uint32_t decode_firmware_status(std::uint64_t exitinfo2) noexcept {
  return static_cast<std::uint32_t>(exitinfo2 & firmware_status_mask);
}

}  // namespace guest_request

// What the certificate pages of an extended guest request hold ("SNP Extended Guest
// Request", cert_table): entries, ended by one of zeros; then the data. Offsets count from the
// first entry. GUIDs are stored in the order in which they are written.
namespace certificate_table {

using Guid = ByteArray<16>;

struct Entry {  // offset
  Guid guid{};  //  0x00
  Le32 offset;  //  0x10
  Le32 length;  //  0x14
};
static_assert(sizeof(Entry) == 24 && alignof(Entry) == 1);
static_assert(offsetof(Entry, guid) == 0 && offsetof(Entry, offset) == 0x10 &&
              offsetof(Entry, length) == 0x14);

inline constexpr std::size_t empty_table_size = sizeof(Entry);  // only the end: all zeros

// 63da758d-e664-4564-adc5-f4b93be8accd
inline constexpr Guid guid_vcek{0x63, 0xDA, 0x75, 0x8D, 0xE6, 0x64, 0x45, 0x64,
                                0xAD, 0xC5, 0xF4, 0xB9, 0x3B, 0xE8, 0xAC, 0xCD};
// a8074bc2-a25a-483e-aae6-39c045a0b8a1
inline constexpr Guid guid_vlek{0xA8, 0x07, 0x4B, 0xC2, 0xA2, 0x5A, 0x48, 0x3E,
                                0xAA, 0xE6, 0x39, 0xC0, 0x45, 0xA0, 0xB8, 0xA1};
// 4ab7b379-bbac-4fe4-a02f-05aef327c782: ASK, or ASVK beside a VLEK
inline constexpr Guid guid_ask{0x4A, 0xB7, 0xB3, 0x79, 0xBB, 0xAC, 0x4F, 0xE4,
                               0xA0, 0x2F, 0x05, 0xAE, 0xF3, 0x27, 0xC7, 0x82};
// c0b406a4-a803-4952-9743-3fb6014cd0ae
inline constexpr Guid guid_ark{0xC0, 0xB4, 0x06, 0xA4, 0xA8, 0x03, 0x49, 0x52,
                               0x97, 0x43, 0x3F, 0xB6, 0x01, 0x4C, 0xD0, 0xAE};
// 92f81bc3-5811-4d3d-97ff-d19f88dc67ea
inline constexpr Guid guid_crl{0x92, 0xF8, 0x1B, 0xC3, 0x58, 0x11, 0x4D, 0x3D,
                               0x97, 0xFF, 0xD1, 0x9F, 0x88, 0xDC, 0x67, 0xEA};

}  // namespace certificate_table

}  // namespace extreq::abi::ghcb
