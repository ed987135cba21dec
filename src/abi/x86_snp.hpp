// What SNP adds to the processor itself, and the little of the processor around it that starts a
// guest.
//
// Owner: AMD, document 24593, "AMD64 Architecture Programmer's Manual, Volume 2", revision 3.42
// (section 15.36 "Secure Nested Paging", appendix B "VMCB Layout", table "VMSA Layout"); document
// 24594, volume 3 (instructions, CPUID). Little-endian. Definitions only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"

namespace extreq::abi::x86 {

inline constexpr std::size_t page_size = 4096;

// ---------------------------------------------------------------------------------------------
// Instructions, as bytes.
inline constexpr ByteArray<4> op_vmgexit{0xF3, 0x0F, 0x01, 0xD9};
inline constexpr ByteArray<4> op_pvalidate{0xF2, 0x0F, 0x01, 0xFF};
inline constexpr ByteArray<4> op_rmpadjust{0xF3, 0x0F, 0x01, 0xFE};
inline constexpr ByteArray<2> op_rdmsr{0x0F, 0x32};
inline constexpr ByteArray<2> op_cpuid{0x0F, 0xA2};
inline constexpr U8 op_mov_eax_imm32 = 0xB8;
inline constexpr U8 op_mov_ecx_imm32 = 0xB9;

// PVALIDATE: RAX = linear address, ECX bit 0 = page size, EDX bit 0 = state wanted. EAX = result,
// CF = 1 if the state was already the one wanted.
inline constexpr std::uint32_t pvalidate_mask = 1;
inline constexpr std::uint32_t pvalidate_page_size_4k = 0;
inline constexpr std::uint32_t pvalidate_page_size_2m = 1;
inline constexpr std::uint32_t result_success = 0;
inline constexpr std::uint32_t result_fail_input = 1;
inline constexpr std::uint32_t result_fail_sizemismatch = 6;

// ---------------------------------------------------------------------------------------------
// MSRs and CPUID.
inline constexpr std::uint32_t msr_sev_status = 0xC0010131;
inline constexpr std::uint64_t sev_status_sev = 1U << 0;
inline constexpr std::uint64_t sev_status_sev_es = 1U << 1;
inline constexpr std::uint64_t sev_status_snp = 1U << 2;

inline constexpr std::uint32_t cpuid_encryption = 0x8000001F;
inline constexpr std::uint32_t cpuid_encryption_eax_sev = 1U << 1;
inline constexpr std::uint32_t cpuid_encryption_eax_sev_es = 1U << 3;
inline constexpr std::uint32_t cpuid_encryption_eax_snp = 1U << 4;
inline constexpr unsigned cpuid_encryption_ebx_reduction_shift = 6;  // C-bit position in 5:0

// ---------------------------------------------------------------------------------------------
// System state.
inline constexpr std::uint64_t cr0_pe = 1U << 0;
inline constexpr std::uint64_t cr0_et = 1U << 4;
inline constexpr std::uint64_t cr0_pg = 1U << 31;
inline constexpr std::uint64_t cr4_pae = 1U << 5;
inline constexpr std::uint64_t cr4_osfxsr = 1U << 9;
inline constexpr std::uint64_t cr4_osxmmexcpt = 1U << 10;
inline constexpr std::uint64_t efer_lme = 1U << 8;
inline constexpr std::uint64_t efer_lma = 1U << 10;
inline constexpr std::uint64_t efer_nxe = 1U << 11;
inline constexpr std::uint64_t efer_svme = 1U << 12;
inline constexpr std::uint64_t rflags_cf = 1U << 0;
inline constexpr std::uint64_t rflags_pf = 1U << 2;
inline constexpr std::uint64_t rflags_af = 1U << 4;
inline constexpr std::uint64_t rflags_zf = 1U << 6;
inline constexpr std::uint64_t rflags_sf = 1U << 7;
inline constexpr std::uint64_t rflags_of = 1U << 11;
inline constexpr std::uint64_t rflags_reserved_one = 1U << 1;
inline constexpr std::uint64_t dr6_reset = 0xFFFF0FF0;
inline constexpr std::uint64_t dr7_reset = 0x400;
inline constexpr std::uint64_t pat_reset = 0x0007040600070406;

inline constexpr std::uint64_t pte_present = 1U << 0;
inline constexpr std::uint64_t pte_writable = 1U << 1;
inline constexpr std::uint64_t pte_accessed = 1U << 5;
inline constexpr std::uint64_t pte_dirty = 1U << 6;
inline constexpr std::uint64_t pte_large = 1U << 7;
inline constexpr std::size_t pte_count = 512;
inline constexpr std::uint64_t large_page_size = 2U << 20U;

// ---------------------------------------------------------------------------------------------
// The save area: a virtual processor's state when it first runs. Its page is measured at launch.
struct Segment {  // offset
  Le16 selector;  //      0
  Le16 attrib;    //      2
  Le32 limit;     //      4
  Le64 base;      //      8
};
static_assert(sizeof(Segment) == 16);
inline constexpr std::uint16_t attrib_code_64 = 0xA9B;  // G, L, present, code, readable, accessed
inline constexpr std::uint16_t attrib_data_32 = 0xC93;  // G, D, present, data, writable, accessed
inline constexpr std::uint16_t attrib_tss_busy = 0x8B;
inline constexpr std::uint16_t attrib_ldt = 0x82;

inline constexpr std::uint64_t sev_features_snp_active = 1U << 0;

struct Vmsa {                                   // offset
  Segment es;                                   //  0x000
  Segment cs;                                   //  0x010
  Segment ss;                                   //  0x020
  Segment ds;                                   //  0x030
  Segment fs;                                   //  0x040
  Segment gs;                                   //  0x050
  Segment gdtr;                                 //  0x060
  Segment ldtr;                                 //  0x070
  Segment idtr;                                 //  0x080
  Segment tr;                                   //  0x090
  ByteArray<0x0D0 - 0x0A0> reserved_0a0{};      //  0x0A0
  Le64 efer;                                    //  0x0D0
  ByteArray<0x148 - 0x0D8> reserved_0d8{};      //  0x0D8
  Le64 cr4;                                     //  0x148
  Le64 cr3;                                     //  0x150
  Le64 cr0;                                     //  0x158
  Le64 dr7;                                     //  0x160
  Le64 dr6;                                     //  0x168
  Le64 rflags;                                  //  0x170
  Le64 rip;                                     //  0x178
  ByteArray<0x1D8 - 0x180> reserved_180{};      //  0x180
  Le64 rsp;                                     //  0x1D8
  ByteArray<0x268 - 0x1E0> reserved_1e0{};      //  0x1E0
  Le64 g_pat;                                   //  0x268
  ByteArray<0x310 - 0x270> reserved_270{};      //  0x270
  Le64 rdx;                                     //  0x310
  ByteArray<0x330 - 0x318> reserved_318{};      //  0x318
  Le64 rsi;                                     //  0x330
  ByteArray<0x3B0 - 0x338> reserved_338{};      //  0x338
  Le64 sev_features;                            //  0x3B0
  ByteArray<0x3E8 - 0x3B8> reserved_3b8{};      //  0x3B8
  Le64 xcr0;                                    //  0x3E8
  ByteArray<0x408 - 0x3F0> reserved_3f0{};      //  0x3F0
  Le32 mxcsr;                                   //  0x408
  ByteArray<0x410 - 0x40C> reserved_40c{};      //  0x40C
  Le16 x87_fcw;                                 //  0x410
  ByteArray<page_size - 0x412> reserved_412{};  //  0x412
};
static_assert(sizeof(Vmsa) == page_size && alignof(Vmsa) == 1);
static_assert(offsetof(Vmsa, tr) == 0x090 && offsetof(Vmsa, efer) == 0x0D0);
static_assert(offsetof(Vmsa, cr4) == 0x148 && offsetof(Vmsa, rip) == 0x178);
static_assert(offsetof(Vmsa, rsp) == 0x1D8 && offsetof(Vmsa, g_pat) == 0x268);
static_assert(offsetof(Vmsa, rdx) == 0x310);
static_assert(offsetof(Vmsa, rsi) == 0x330 && offsetof(Vmsa, sev_features) == 0x3B0);
static_assert(offsetof(Vmsa, xcr0) == 0x3E8 && offsetof(Vmsa, mxcsr) == 0x408);
static_assert(offsetof(Vmsa, x87_fcw) == 0x410);

}  // namespace extreq::abi::x86
