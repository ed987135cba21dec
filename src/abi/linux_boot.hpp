// How a boot loader hands a computer to a Linux kernel on x86-64.
//
// Owner: Linux, Documentation/arch/x86/boot.rst ("The Linux/x86 Boot Protocol", 2.15) and
// zero-page.rst; the confidential-computing blob from arch/x86/include/asm/sev.h (struct
// cc_blob_sev_info). All integers are little-endian. Definitions only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"

namespace extreq::abi::linux_boot {

// ---------------------------------------------------------------------------------------------
// The setup header: in a bzImage from byte 0x1F1 on, and at the same offset in boot_params.
inline constexpr std::size_t setup_header_offset = 0x1F1;
inline constexpr std::uint16_t boot_flag = 0xAA55;
inline constexpr std::uint32_t header_magic = 0x53726448;     // "HdrS"
inline constexpr std::uint16_t version_with_payload = 0x20C;  // payload_*, pref_address, xloadflags
inline constexpr std::size_t sector_size = 512;
inline constexpr std::uint8_t setup_sects_default = 4;  // what a setup_sects of 0 means
inline constexpr std::uint8_t type_of_loader_undefined = 0xFF;
inline constexpr std::uint8_t loadflags_loaded_high = 1U << 0;
inline constexpr std::uint8_t loadflags_kaslr = 1U << 1;
inline constexpr std::uint16_t xloadflags_kernel_64 = 1U << 0;
inline constexpr std::size_t entry_64_offset = 0x200;  // from the load address of the 32-bit part

struct SetupHeader {           // offset in the file
  U8 setup_sects = 0;          //  0x1F1
  Le16 root_flags;             //  0x1F2
  Le32 syssize;                //  0x1F4
  Le16 ram_size;               //  0x1F8
  Le16 vid_mode;               //  0x1FA
  Le16 root_dev;               //  0x1FC
  Le16 boot_flag;              //  0x1FE
  U8 jump_opcode = 0;          //  0x200
  U8 jump_length = 0;          //  0x201   the header ends at 0x202 + this
  Le32 header;                 //  0x202
  Le16 version;                //  0x206
  Le32 realmode_swtch;         //  0x208
  Le16 start_sys_seg;          //  0x20C
  Le16 kernel_version;         //  0x20E   offset of a string, minus 0x200
  U8 type_of_loader = 0;       //  0x210
  U8 loadflags = 0;            //  0x211
  Le16 setup_move_size;        //  0x212
  Le32 code32_start;           //  0x214
  Le32 ramdisk_image;          //  0x218
  Le32 ramdisk_size;           //  0x21C
  Le32 bootsect_kludge;        //  0x220
  Le16 heap_end_ptr;           //  0x224
  U8 ext_loader_ver = 0;       //  0x226
  U8 ext_loader_type = 0;      //  0x227
  Le32 cmd_line_ptr;           //  0x228
  Le32 initrd_addr_max;        //  0x22C
  Le32 kernel_alignment;       //  0x230
  U8 relocatable_kernel = 0;   //  0x234
  U8 min_alignment = 0;        //  0x235
  Le16 xloadflags;             //  0x236
  Le32 cmdline_size;           //  0x238   without the terminating zero
  Le32 hardware_subarch;       //  0x23C
  Le64 hardware_subarch_data;  //  0x240
  Le32 payload_offset;         //  0x248   from the start of the protected-mode code
  Le32 payload_length;         //  0x24C
  Le64 setup_data;             //  0x250
  Le64 pref_address;           //  0x258
  Le32 init_size;              //  0x260
  Le32 handover_offset;        //  0x264
  Le32 kernel_info_offset;     //  0x268
};
static_assert(sizeof(SetupHeader) == 0x26C - setup_header_offset);
static_assert(offsetof(SetupHeader, boot_flag) == 0x1FE - setup_header_offset);
static_assert(offsetof(SetupHeader, header) == 0x202 - setup_header_offset);
static_assert(offsetof(SetupHeader, kernel_version) == 0x20E - setup_header_offset);
static_assert(offsetof(SetupHeader, type_of_loader) == 0x210 - setup_header_offset);
static_assert(offsetof(SetupHeader, ramdisk_image) == 0x218 - setup_header_offset);
static_assert(offsetof(SetupHeader, cmd_line_ptr) == 0x228 - setup_header_offset);
static_assert(offsetof(SetupHeader, xloadflags) == 0x236 - setup_header_offset);
static_assert(offsetof(SetupHeader, payload_offset) == 0x248 - setup_header_offset);
static_assert(offsetof(SetupHeader, setup_data) == 0x250 - setup_header_offset);
static_assert(offsetof(SetupHeader, init_size) == 0x260 - setup_header_offset);

// ---------------------------------------------------------------------------------------------
// boot_params ("zero page").
inline constexpr std::uint32_t e820_ram = 1;
inline constexpr std::uint32_t e820_reserved = 2;
inline constexpr std::size_t e820_max = 128;

struct E820Entry {  // offset
  Le64 addr;        //      0
  Le64 size;        //      8
  Le32 type;        //     16
};
static_assert(sizeof(E820Entry) == 20);

struct BootParams {                              // offset
  ByteArray<0x1E8> reserved_000{};               //  0x000
  U8 e820_entries = 0;                           //  0x1E8
  ByteArray<6> reserved_1e9{};                   //  0x1E9
  U8 sentinel = 0;                               //  0x1EF   zero: the loader cleared the page
  U8 reserved_1f0 = 0;                           //  0x1F0
  SetupHeader hdr;                               //  0x1F1
  ByteArray<0x2D0 - 0x26C> reserved_26c{};       //  0x26C
  std::array<E820Entry, e820_max> e820_table{};  //  0x2D0
  ByteArray<0x1000 - 0xCD0> reserved_cd0{};      //  0xCD0
};
static_assert(sizeof(BootParams) == 4096 && alignof(BootParams) == 1);
static_assert(offsetof(BootParams, e820_entries) == 0x1E8);
static_assert(offsetof(BootParams, sentinel) == 0x1EF);
static_assert(offsetof(BootParams, hdr) == setup_header_offset);
static_assert(offsetof(BootParams, e820_table) == 0x2D0);

// A list that SetupHeader::setup_data starts.
inline constexpr std::uint32_t setup_data_cc_blob = 7;
struct SetupData {  // offset
  Le64 next;        //      0   0 = the last
  Le32 type;        //      8
  Le32 len;         //     12   of the data that follow
};
static_assert(sizeof(SetupData) == 16);

struct SetupDataCcBlob {  // offset
  SetupData head;         //      0
  Le32 cc_blob_address;   //     16
};
static_assert(sizeof(SetupDataCcBlob) == 20);

// What tells Linux that it is an SNP guest, and where its two special pages are.
inline constexpr std::uint32_t cc_blob_magic = 0x45444D41;  // "AMDE"
inline constexpr std::uint16_t cc_blob_version = 1;
struct CcBlob {       // offset
  Le32 magic;         //      0
  Le16 version;       //      4
  Le16 reserved1;     //      6
  Le64 secrets_phys;  //      8
  Le32 secrets_len;   //     16
  Le32 reserved2;     //     20
  Le64 cpuid_phys;    //     24
  Le32 cpuid_len;     //     32
  Le32 reserved3;     //     36
};
static_assert(sizeof(CcBlob) == 40);
static_assert(offsetof(CcBlob, secrets_phys) == 8 && offsetof(CcBlob, cpuid_phys) == 24);

}  // namespace extreq::abi::linux_boot
