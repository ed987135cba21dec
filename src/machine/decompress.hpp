// decompress: a compressed file of the kinds that Linux kernels, modules and initramfs come in.
//
// Effect: tells the format by its first bytes (gzip, xz, lzma, lz4 legacy frames, zstd) and gives
// the content. Bytes behind the compressed data are ignored: the kernel's build appends the size.
// Failure: unsupported (none of these formats), invalid_input (damaged), too_small (more than
// `limit` bytes). Never more than `limit` bytes are held.
// Threading: no state.
#pragma once

#include "base/bytes.hpp"

namespace extreq::machine {

enum class Compression : std::uint8_t { none, gzip, xz, lzma, lz4, zstd };

[[nodiscard]] Compression compression_of(ByteView data) noexcept;
[[nodiscard]] const char* name(Compression compression) noexcept;
[[nodiscard]] Result<Bytes> decompress(ByteView data, std::size_t limit);

}  // namespace extreq::machine
