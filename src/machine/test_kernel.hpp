// A kernel file for tests: small, but with a bzImage's header, a compressed ELF file, and SNP
// instructions in it.
#pragma once

#include "base/bytes.hpp"

namespace extreq::machine::test {

inline constexpr std::uint64_t kernel_virtual = 0xFFFFFFFF81000000;
inline constexpr std::uint64_t kernel_physical = 0x1000000;

// Code with one site of each kind that check_sites() asks for.
[[nodiscard]] Bytes snp_code();

// An ELF executable with one segment and one section of code.
[[nodiscard]] Bytes make_vmlinux(ByteView code);

// A bzImage whose payload is `payload` as it stands.
[[nodiscard]] Bytes make_bzimage(ByteView payload);

[[nodiscard]] Bytes gzip(ByteView content);

}  // namespace extreq::machine::test
