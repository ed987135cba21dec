// The parts of the ELF-64 object format that an x86-64 kernel image uses.
//
// Owner: System V Application Binary Interface, chapters 4 and 5 ("Object Files", "Program
// Loading") in their 64-bit form; machine number from the AMD64 supplement. Little-endian.
// Definitions only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"

namespace extreq::abi::elf64 {

inline constexpr ByteArray<4> magic{0x7F, 'E', 'L', 'F'};
inline constexpr U8 class_64 = 2;
inline constexpr U8 data_little_endian = 1;
inline constexpr std::uint16_t type_executable = 2;
inline constexpr std::uint16_t machine_x86_64 = 62;

inline constexpr std::uint32_t program_load = 1;
inline constexpr std::uint32_t section_progbits = 1;
inline constexpr std::uint64_t section_executable = 4;

struct Header {           // offset
  ByteArray<4> magic{};   //  0x00
  U8 file_class = 0;      //  0x04
  U8 data = 0;            //  0x05
  ByteArray<10> ident{};  //  0x06
  Le16 type;              //  0x10
  Le16 machine;           //  0x12
  Le32 version;           //  0x14
  Le64 entry;             //  0x18
  Le64 phoff;             //  0x20
  Le64 shoff;             //  0x28
  Le32 flags;             //  0x30
  Le16 ehsize;            //  0x34
  Le16 phentsize;         //  0x36
  Le16 phnum;             //  0x38
  Le16 shentsize;         //  0x3A
  Le16 shnum;             //  0x3C
  Le16 shstrndx;          //  0x3E
};
static_assert(sizeof(Header) == 64);
static_assert(offsetof(Header, entry) == 0x18 && offsetof(Header, phnum) == 0x38);

struct ProgramHeader {  // offset
  Le32 type;            //  0x00
  Le32 flags;           //  0x04
  Le64 offset;          //  0x08
  Le64 vaddr;           //  0x10
  Le64 paddr;           //  0x18
  Le64 filesz;          //  0x20
  Le64 memsz;           //  0x28
  Le64 align;           //  0x30
};
static_assert(sizeof(ProgramHeader) == 56);

struct SectionHeader {  // offset
  Le32 name;            //  0x00
  Le32 type;            //  0x04
  Le64 flags;           //  0x08
  Le64 addr;            //  0x10
  Le64 offset;          //  0x18
  Le64 size;            //  0x20
  Le32 link;            //  0x28
  Le32 info;            //  0x2C
  Le64 addralign;       //  0x30
  Le64 entsize;         //  0x38
};
static_assert(sizeof(SectionHeader) == 64);

}  // namespace extreq::abi::elf64
