#include "machine/rom.hpp"

#include <algorithm>

#include "base/byte_builder.hpp"

extern "C" {
extern const std::uint8_t extreq_rom_code[];
extern const std::uint8_t extreq_rom_entry[];
extern const std::uint8_t extreq_rom_code_end[];
}

namespace extreq::machine {
namespace {

namespace x86 = abi::x86;

constexpr std::size_t tables_offset = 0x1000;  // rom.S has the same in rom_tables
constexpr std::size_t reset_offset = 0xFFF0;
constexpr std::uint64_t table_flags =
    x86::pte_present | x86::pte_writable | x86::pte_accessed;  // a ROM takes no accessed bits
constexpr std::uint64_t page_flags = table_flags | x86::pte_dirty | x86::pte_large;

// Maps the first GiB to itself, in three tables.
Bytes make_tables() {
  const std::uint64_t base = rom_base + tables_offset;
  ByteBuilder tables(3 * x86::page_size);
  tables.u64((base + x86::page_size) | table_flags).zeros(x86::page_size - 8);
  tables.u64((base + 2 * x86::page_size) | table_flags).zeros(x86::page_size - 8);
  for (std::size_t i = 0; i < x86::pte_count; ++i) {
    tables.u64(i * x86::large_page_size | page_flags);
  }
  return tables.take();
}

void place(Bytes& rom, std::size_t offset, ByteView content) {
  std::copy(content.begin(), content.end(), rom.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

Bytes make_rom(const EntryState& entry) {
  static constexpr std::array<std::uint8_t, 5> jump{0xEA, 0x00, 0x00, 0x00, 0xF0};  // F000:0000
  ByteBuilder block;
  block.u64(entry.rip).u64(entry.rsi).u64(entry.cr3);
  Bytes rom(rom_size);
  place(rom, 0, ByteView(extreq_rom_code, extreq_rom_code_end));
  place(rom, static_cast<std::size_t>(extreq_rom_entry - extreq_rom_code), block.view());
  place(rom, tables_offset, make_tables());
  place(rom, reset_offset, jump);
  return rom;
}

}  // namespace extreq::machine
