// SiteTable: where in a kernel the instructions are that only an SNP processor knows.
//
// A plain emulator does not know them, so it is stopped at each and the instruction is carried out
// from outside. Sites are found by their bytes alone: no kernel version or symbol is used. A byte
// pattern that is not an instruction is never reached, so it does no harm.
#pragma once

#include <string>
#include <vector>

#include "machine/elf_image.hpp"
#include "machine/registers.hpp"

namespace extreq::machine {

enum class SiteKind : std::uint8_t {
  vmgexit,        // WRMSR of the GHCB MSR comes just before it
  vmgexit_rdmsr,  // and RDMSR of the answer just behind it: both are carried out together
  pvalidate,
  rmpadjust,
  rdmsr_sev_status,
  rdmsr_ghcb,        // reads the GHCB MSR on its own
  cpuid_encryption,  // asks for CPUID function 8000001F
  // In the decompressor only (machine/decompressor.hpp):
  idt_load,
  cr3_write,
  cr3_read,
  kernel_jump,
};
inline constexpr std::size_t site_kind_count = 11;
[[nodiscard]] const char* name(SiteKind kind) noexcept;

struct Site {
  std::uint64_t virtual_address = 0;
  std::uint64_t physical_address = 0;  // the same instruction runs there before paging is set up
  SiteKind kind = SiteKind::vmgexit;
  std::uint8_t length = 0;           // what the instruction pointer moves on
  Register operand = Register::rax;  // of cr3_write and cr3_read
};

struct SiteTable {
  std::vector<Site> sites;  // by virtual address

  [[nodiscard]] std::size_t count(SiteKind kind) const noexcept;
};

// Failure: invalid_input if a section of code is in no segment.
[[nodiscard]] Result<SiteTable> scan_sites(const ElfImage& image);

// Appends the sites in a piece of code, in no order. Of the decompressor's kinds there are none.
void scan_code(ByteView code, std::uint64_t virtual_address, std::uint64_t physical_address,
               std::vector<Site>& sites);

// Whether a kernel with these sites can be run as an SNP guest.
// Failure: unsupported, and the message says which instruction is missing or seen too often, and
// what that tells about the kernel.
[[nodiscard]] Status check_sites(const SiteTable& table);

}  // namespace extreq::machine
