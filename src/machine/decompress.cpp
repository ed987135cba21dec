#include "machine/decompress.hpp"

#include <algorithm>
#include <memory>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/byte_reader.hpp"

namespace extreq::machine {
namespace {

constexpr std::size_t step = std::size_t{1} << 20U;
constexpr std::uint64_t lzma_memory_limit = 512ULL << 20U;
constexpr std::size_t lz4_block_size = std::size_t{8} << 20U;
constexpr std::uint32_t lz4_legacy_magic = 0x184C2102;

tl::unexpected<Error> over(std::size_t limit) {
  return fail(Code::too_small, "decompress: content is larger than {} bytes", limit);
}

// Grows `out` by one step, within limit + 1: the byte over tells "exactly full" from "too large".
MutableByteView room(Bytes& out, std::size_t used, std::size_t limit) {
  if (used == out.size()) out.resize(std::min(used + step, limit + 1));
  return MutableByteView(out).subspan(used);
}

struct InflateEnd {
  void operator()(z_stream* stream) const noexcept { inflateEnd(stream); }
};

Result<Bytes> gunzip(ByteView data, std::size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
    return fail(Code::io, "decompress: zlib does not start");
  }
  const std::unique_ptr<z_stream, InflateEnd> owner(&stream);
  stream.next_in =
      const_cast<Bytef*>(data.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  stream.avail_in = static_cast<uInt>(data.size());
  Bytes out;
  std::size_t used = 0;
  while (true) {
    const MutableByteView space = room(out, used, limit);
    if (space.empty()) return over(limit);
    stream.next_out = space.data();
    stream.avail_out = static_cast<uInt>(space.size());
    const int answer = inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (used > limit) return over(limit);
    if (answer == Z_STREAM_END) break;
    if (answer != Z_OK) {
      return fail(Code::invalid_input, "decompress: gzip data damaged or cut (zlib says {})",
                  answer);
    }
  }
  out.resize(used);
  return out;
}

struct LzmaEnd {
  void operator()(lzma_stream* stream) const noexcept { lzma_end(stream); }
};

Result<Bytes> unlzma(ByteView data, std::size_t limit, bool alone) {
  lzma_stream stream = LZMA_STREAM_INIT;
  const lzma_ret started = alone ? lzma_alone_decoder(&stream, lzma_memory_limit)
                                 : lzma_stream_decoder(&stream, lzma_memory_limit, 0);
  if (started != LZMA_OK) return fail(Code::io, "decompress: liblzma does not start");
  const std::unique_ptr<lzma_stream, LzmaEnd> owner(&stream);
  stream.next_in = data.data();
  stream.avail_in = data.size();
  Bytes out;
  std::size_t used = 0;
  while (true) {
    const MutableByteView space = room(out, used, limit);
    if (space.empty()) return over(limit);
    stream.next_out = space.data();
    stream.avail_out = space.size();
    const lzma_ret answer = lzma_code(&stream, LZMA_RUN);
    used = out.size() - stream.avail_out;
    if (used > limit) return over(limit);
    if (answer == LZMA_STREAM_END) break;
    if (answer != LZMA_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return fail(Code::invalid_input, "decompress: {} data damaged or cut (liblzma says {})",
                  alone ? "lzma" : "xz", static_cast<int>(answer));
    }
  }
  out.resize(used);
  return out;
}

// The legacy frame: the magic, then blocks of a length and at most 8 MiB of content each. Its end
// is the end of the data, or a length that no block can have (the size that the kernel's build
// appends).
Result<Bytes> unlz4(ByteView data, std::size_t limit) {
  ByteReader reader(data);
  Bytes out;
  while (!reader.empty()) {
    const auto length = reader.u32();
    if (length == lz4_legacy_magic) continue;  // frames may follow each other
    if (!length || reader.remaining() < *length || *length == 0) break;
    const ByteView block = *reader.view(*length);
    const std::size_t used = out.size();
    const std::size_t space = std::min(lz4_block_size, limit - used + 1);
    out.resize(used + space);
    const int written =
        LZ4_decompress_safe(static_cast<const char*>(static_cast<const void*>(block.data())),
                            static_cast<char*>(static_cast<void*>(out.data() + used)),
                            static_cast<int>(block.size()), static_cast<int>(space));
    if (written < 0 && space < lz4_block_size) return over(limit);
    if (written < 0) {
      return fail(Code::invalid_input, "decompress: lz4 block at {:#x} is damaged",
                  reader.position() - block.size());
    }
    out.resize(used + static_cast<std::size_t>(written));
    if (out.size() > limit) return over(limit);
  }
  if (out.empty()) return fail(Code::invalid_input, "decompress: lz4 data without a block");
  return out;
}

struct ZstdEnd {
  void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
};

Result<Bytes> unzstd(ByteView data, std::size_t limit) {
  const std::unique_ptr<ZSTD_DStream, ZstdEnd> stream(ZSTD_createDStream());
  if (!stream) return fail(Code::io, "decompress: zstd does not start");
  // Kernels are packed with windows up to 128 MiB.
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, 27);
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  Bytes out;
  std::size_t used = 0;
  while (true) {
    const MutableByteView space = room(out, used, limit);
    if (space.empty()) return over(limit);
    ZSTD_outBuffer to{space.data(), space.size(), 0};
    const std::size_t answer = ZSTD_decompressStream(stream.get(), &to, &in);
    used += to.pos;
    if (used > limit) return over(limit);
    if (answer == 0) break;
    if (ZSTD_isError(answer) != 0 || (in.pos == in.size && to.pos < to.size)) {
      return fail(Code::invalid_input, "decompress: zstd data damaged or cut ({})",
                  ZSTD_isError(answer) != 0 ? ZSTD_getErrorName(answer) : "no end");
    }
  }
  out.resize(used);
  return out;
}

bool starts_with(ByteView data, std::initializer_list<std::uint8_t> magic) noexcept {
  return data.size() >= magic.size() && std::equal(magic.begin(), magic.end(), data.begin());
}

}  // namespace

Compression compression_of(ByteView data) noexcept {
  if (starts_with(data, {0x1F, 0x8B})) return Compression::gzip;
  if (starts_with(data, {0xFD, '7', 'z', 'X', 'Z', 0x00})) return Compression::xz;
  if (starts_with(data, {0x02, 0x21, 0x4C, 0x18})) return Compression::lz4;
  if (starts_with(data, {0x28, 0xB5, 0x2F, 0xFD})) return Compression::zstd;
  if (starts_with(data, {0x5D, 0x00, 0x00})) return Compression::lzma;
  return Compression::none;
}

const char* name(Compression compression) noexcept {
  switch (compression) {
    case Compression::gzip:
      return "gzip";
    case Compression::xz:
      return "xz";
    case Compression::lzma:
      return "lzma";
    case Compression::lz4:
      return "lz4";
    case Compression::zstd:
      return "zstd";
    case Compression::none:
      break;
  }
  return "not compressed";
}

Result<Bytes> decompress(ByteView data, std::size_t limit) {
  switch (compression_of(data)) {
    case Compression::gzip:
      return gunzip(data, limit);
    case Compression::xz:
      return unlzma(data, limit, false);
    case Compression::lzma:
      return unlzma(data, limit, true);
    case Compression::lz4:
      return unlz4(data, limit);
    case Compression::zstd:
      return unzstd(data, limit);
    case Compression::none:
      break;
  }
  return fail(Code::unsupported, "decompress: starts with {}: not gzip, xz, lzma, lz4 or zstd",
              to_hex(data.first(std::min<std::size_t>(data.size(), 6))));
}

}  // namespace extreq::machine
