// Bounded reads of an ELF file, for vmlinux and modules alike.
//
// Format: abi/elf64.hpp. Lifetime: the views point into `file`.
#pragma once

#include <optional>

#include "base/byte_reader.hpp"
#include "base/bytes.hpp"

namespace extreq::machine {

// nullopt: not wholly inside the file.
[[nodiscard]] inline std::optional<ByteView> elf_part(ByteView file, std::uint64_t offset,
                                                      std::uint64_t size) noexcept {
  if (offset > file.size() || size > file.size() - offset) return std::nullopt;
  return file.subspan(offset, size);
}

// The `index`th entry of a table of T, an index of 16 bits; nullopt outside the file.
template <class T>
[[nodiscard]] std::optional<T> elf_entry(ByteView file, std::uint64_t table,
                                         std::size_t index) noexcept {
  if (table > file.size()) return std::nullopt;  // so that the sum below does not overflow
  const auto entry = elf_part(file, table + index * sizeof(T), sizeof(T));
  if (!entry) return std::nullopt;
  return ByteReader(*entry).object<T>();
}

}  // namespace extreq::machine
