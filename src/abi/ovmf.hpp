// What a guest's firmware image says about its own SNP launch, and the table of hashes that QEMU
// gives it.
//
// Owners: TianoCore EDK II, OvmfPkg/ResetVector (the table of GUIDs at the image's end, the SEV
// metadata); QEMU, target/i386/sev.c (the table of hashes). GUIDs as they stand in memory: the
// first three fields little-endian. Little-endian throughout. Definitions only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"

namespace extreq::abi::ovmf {

using Guid = ByteArray<16>;

// The image ends at 4 GiB. Its table of GUIDs is read backwards: data first, then the header; the
// footer is the last header, 32 bytes before the image's end, and its size is that of the table.
inline constexpr std::uint64_t image_end = 0x100000000;
inline constexpr std::size_t footer_to_end = 32;

struct EntryHeader {  // offset
  Le16 size;          //      0   with the data before it
  Guid guid{};        //      2
};
static_assert(sizeof(EntryHeader) == 18 && alignof(EntryHeader) == 1);
static_assert(offsetof(EntryHeader, guid) == 2);

inline constexpr Guid guid_footer{0xDE, 0x82, 0xB5, 0x96, 0xB2, 0x1F, 0xF7, 0x45,
                                  0xBA, 0xEA, 0xA3, 0x66, 0xC5, 0x5A, 0x08, 0x2D};
inline constexpr Guid guid_hash_table_area{0x1F, 0x37, 0x55, 0x72, 0x3B, 0x3A, 0x04, 0x4B,
                                           0x92, 0x7B, 0x1D, 0xA6, 0xEF, 0xA8, 0xD4, 0x54};
inline constexpr Guid guid_reset_block{0xDE, 0x71, 0xF7, 0x00, 0x7E, 0x1A, 0xCB, 0x4F,
                                       0x89, 0x0E, 0x68, 0xC7, 0x7E, 0x2F, 0xB4, 0x4E};
inline constexpr Guid guid_sev_metadata{0x66, 0x65, 0x88, 0xDC, 0x4A, 0x98, 0x98, 0x47,
                                        0xA7, 0x5E, 0x55, 0x85, 0xA7, 0xBF, 0x67, 0xCC};

// Data of guid_hash_table_area.
struct HashTableArea {  // offset
  Le32 gpa;             //      0
  Le32 size;            //      4
};
static_assert(sizeof(HashTableArea) == 8);

// The SEV metadata lies as many bytes before the image's end as the data of guid_sev_metadata says.
struct MetadataHeader {      // offset
  ByteArray<4> signature{};  //      0
  Le32 size;                 //      4   of header and sections
  Le32 version;              //      8
  Le32 count;                //    0xC
};
static_assert(sizeof(MetadataHeader) == 16);
inline constexpr ByteArray<4> metadata_signature{'A', 'S', 'E', 'V'};
inline constexpr std::uint32_t metadata_version = 1;

struct MetadataSection {  // offset
  Le32 gpa;               //      0
  Le32 size;              //      4
  Le32 type;              //      8
};
static_assert(sizeof(MetadataSection) == 12);

enum class SectionType : std::uint32_t {
  memory = 1,  // zeroed before the firmware runs
  secrets = 2,
  cpuid = 3,
  svsm_calling_area = 4,
  kernel_hashes = 0x10,
};

// ---------------------------------------------------------------------------------------------
// QEMU's table of hashes: SHA-256 of the command line with its final zero byte, of the initrd and
// of the kernel.
struct HashEntry {         // offset
  Guid guid{};             //   0x00
  Le16 length;             //   0x10
  ByteArray<32> sha256{};  //   0x12
};
static_assert(sizeof(HashEntry) == 50);

struct HashTable {         // offset
  Guid guid{};             //   0x00
  Le16 length;             //   0x10   of all this without the padding
  HashEntry command_line;  //   0x12
  HashEntry initrd;        //   0x44
  HashEntry kernel;        //   0x76
  ByteArray<8> padding{};  //   0xA8   to a multiple of 16
};
static_assert(sizeof(HashTable) == 176 && offsetof(HashTable, kernel) == 0x76 &&
              offsetof(HashTable, padding) == 0xA8);

inline constexpr Guid guid_hash_table{0x06, 0xD6, 0x38, 0x94, 0x22, 0x4F, 0xC9, 0x4C,
                                      0xB4, 0x79, 0xA7, 0x93, 0xD4, 0x11, 0xFD, 0x21};
inline constexpr Guid guid_command_line{0xD8, 0x2D, 0xD0, 0x97, 0x20, 0xBD, 0x94, 0x4C,
                                        0xAA, 0x78, 0xE7, 0x71, 0x4D, 0x36, 0xAB, 0x2A};
inline constexpr Guid guid_initrd{0x31, 0xF7, 0xBA, 0x44, 0x2F, 0x3A, 0xD7, 0x4B,
                                  0x9A, 0xF1, 0x41, 0xE2, 0x91, 0x69, 0x78, 0x1D};
inline constexpr Guid guid_kernel{0x37, 0x94, 0xE7, 0x4D, 0xD2, 0xAB, 0x7F, 0x42,
                                  0xB8, 0x35, 0xD5, 0xB1, 0x72, 0xD2, 0x04, 0x5B};

// ---------------------------------------------------------------------------------------------
// How QEMU (KVM's reset values) starts a virtual processor: real mode at the reset vector; the
// others at the address of guid_reset_block.
inline constexpr std::uint32_t reset_vector = 0xFFFFFFF0;
inline constexpr std::uint16_t attrib_code_16 = 0x9B;
inline constexpr std::uint16_t attrib_data_16 = 0x93;
inline constexpr std::uint32_t segment_limit_16 = 0xFFFF;
inline constexpr std::uint64_t cr4_at_reset = 0x40;  // MCE
inline constexpr std::uint32_t mxcsr_at_reset = 0x1F80;
inline constexpr std::uint16_t x87_fcw_at_reset = 0x37F;

}  // namespace extreq::abi::ovmf
