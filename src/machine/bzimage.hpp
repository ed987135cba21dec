// BzImage: a Linux kernel file as distributions ship it, taken apart.
//
// Format: Linux Documentation/arch/x86/boot.rst; abi/linux_boot.hpp.
#pragma once

#include <string>

#include "abi/linux_boot.hpp"
#include "base/bytes.hpp"

namespace extreq::machine {

struct BzImage {
  abi::linux_boot::SetupHeader header;
  std::size_t header_size = 0;  // bytes of `header` that the file really has
  ByteView protected_mode;      // what a boot loader places in memory: the decompressor and payload
  ByteView payload;             // the compressed vmlinux inside it
  std::string version;          // "6.1.0-56-amd64 (...) #1 SMP ...": the file's own words
};

// Reads the header and finds the parts. Nothing is decompressed.
// Failure: invalid_input (no such header, or a part outside the file), unsupported (boot protocol
// before 2.12, or not a 64-bit kernel). Each names what was found.
// Lifetime: the views point into `file`.
[[nodiscard]] Result<BzImage> read_bzimage(ByteView file);

}  // namespace extreq::machine
