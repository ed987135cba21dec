// ElfImage: the vmlinux inside a kernel file, as far as loading and scanning it need.
//
// Format: abi/elf64.hpp.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"

namespace extreq::machine {

struct ElfSegment {
  std::uint64_t virtual_address = 0;
  std::uint64_t physical_address = 0;
  std::uint64_t memory_size = 0;  // what lies behind `content` is zero
  ByteView content;
};

struct ElfCode {
  std::uint64_t virtual_address = 0;
  ByteView content;
};

struct ElfImage {
  std::uint64_t entry = 0;
  std::vector<ElfSegment> segments;  // those that are loaded
  std::vector<ElfCode> code;         // executable sections

  // The lowest and the highest (excluded) physical address of any segment.
  [[nodiscard]] std::uint64_t physical_start() const noexcept;
  [[nodiscard]] std::uint64_t physical_end() const noexcept;
  // The physical address of a virtual one inside a segment; nullopt outside all of them.
  [[nodiscard]] std::optional<std::uint64_t> physical(std::uint64_t virtual_address) const noexcept;
};

// Failure: invalid_input (not an x86-64 executable, or a part outside the file), unsupported (no
// segments or no executable sections: a stripped section table cannot be scanned).
// Lifetime: the views point into `file`.
[[nodiscard]] Result<ElfImage> read_elf(ByteView file);

}  // namespace extreq::machine
