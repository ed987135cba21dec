#include "machine/decompress.hpp"

#include <array>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/byte_builder.hpp"

namespace extreq::machine {
namespace {

using testing::HasSubstr;

constexpr std::size_t limit = std::size_t{8} << 20U;

// Three MiB that compress well but not to nothing.
Bytes content() {
  Bytes bytes(3U << 20U);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>((i / 7) ^ (i >> 12U));
  }
  return bytes;
}

Bytes as_gzip(ByteView in) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&stream, static_cast<uLong>(in.size())));
  Bytes copy(in.begin(), in.end());
  stream.next_in = copy.data();
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes as_xz(ByteView in) {
  Bytes out(lzma_stream_buffer_bound(in.size()));
  std::size_t used = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, in.data(), in.size(), out.data(),
                                    &used, out.size()),
            LZMA_OK);
  out.resize(used);
  return out;
}

Bytes as_lzma(ByteView in) {
  lzma_options_lzma options{};
  EXPECT_FALSE(lzma_lzma_preset(&options, 0));
  options.dict_size = 1U << 23U;  // the kernel's build uses at least this
  lzma_stream stream = LZMA_STREAM_INIT;
  EXPECT_EQ(lzma_alone_encoder(&stream, &options), LZMA_OK);
  Bytes out(in.size() + 4096);
  stream.next_in = in.data();
  stream.avail_in = in.size();
  stream.next_out = out.data();
  stream.avail_out = out.size();
  EXPECT_EQ(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
  out.resize(stream.total_out);
  lzma_end(&stream);
  return out;
}

Bytes as_lz4(ByteView in) {
  ByteBuilder out;
  out.u32(0x184C2102);
  constexpr std::size_t block_size = std::size_t{8} << 20U;
  for (std::size_t at = 0; at < in.size(); at += block_size) {
    const ByteView part = in.subspan(at, std::min(block_size, in.size() - at));
    std::vector<char> source(part.begin(), part.end());
    std::vector<char> packed(
        static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(source.size()))));
    const int size =
        LZ4_compress_default(source.data(), packed.data(), static_cast<int>(source.size()),
                             static_cast<int>(packed.size()));
    out.u32(static_cast<std::uint32_t>(size));
    out.bytes(Bytes(packed.begin(), packed.begin() + size));
  }
  return out.take();
}

Bytes as_zstd(ByteView in) {
  Bytes out(ZSTD_compressBound(in.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 1));
  return out;
}

struct Format {
  const char* name;
  Bytes (*pack)(ByteView);
};

class EveryFormat : public testing::TestWithParam<Format> {};

TEST_P(EveryFormat, GivesBackWhatWasPackedAndIgnoresTheSizeThatTheKernelsBuildAppends) {
  const Bytes wanted = content();
  Bytes packed = GetParam().pack(wanted);
  EXPECT_STREQ(name(compression_of(packed)), GetParam().name);
  const Bytes trailer{0x00, 0x00, 0x30, 0x00};
  packed.insert(packed.end(), trailer.begin(), trailer.end());
  const auto got = decompress(packed, limit);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(*got == wanted);
}

TEST_P(EveryFormat, ContentOfExactlyTheLimitPassesAndOneByteMoreIsTooSmall) {
  const Bytes wanted = content();
  const Bytes packed = GetParam().pack(wanted);
  EXPECT_TRUE(decompress(packed, wanted.size()));
  const auto over = decompress(packed, wanted.size() - 1);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::too_small);
}

TEST_P(EveryFormat, CutDataIsRefusedWhereverItIsCut) {
  const Bytes packed = GetParam().pack(content());
  for (std::size_t part = 1; part < 8; ++part) {
    const auto got = decompress(ByteView(packed).first(packed.size() * part / 8), limit);
    // A legacy lz4 frame ends where its blocks end: what is cut is shorter or refused.
    EXPECT_TRUE(!got || got->size() < content().size()) << part;
  }
}

INSTANTIATE_TEST_SUITE_P(Decompress, EveryFormat,
                         testing::Values(Format{"gzip", as_gzip}, Format{"xz", as_xz},
                                         Format{"lzma", as_lzma}, Format{"lz4", as_lz4},
                                         Format{"zstd", as_zstd}),
                         [](const auto& one) { return one.param.name; });

TEST(Decompress, AnUnknownFormatIsNamedByItsFirstBytes) {
  const Bytes data{0xDE, 0xAD, 0xBE, 0xEF};
  const auto got = decompress(data, limit);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::unsupported);
  EXPECT_THAT(got.error().message, HasSubstr("deadbeef"));
}

}  // namespace
}  // namespace extreq::machine
