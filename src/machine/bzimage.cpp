#include "machine/bzimage.hpp"

#include <algorithm>
#include <cstring>

#include "base/byte_reader.hpp"

namespace extreq::machine {
namespace {

namespace boot = abi::linux_boot;

constexpr std::size_t header_start = 0x202;    // where "HdrS" is, and what jump_length counts from
constexpr std::size_t version_base = 0x200;    // what kernel_version counts from
constexpr std::size_t version_text_max = 256;  // longer strings are cut

std::string version_text(ByteView file, std::uint16_t kernel_version) {
  const std::size_t at = version_base + kernel_version;
  std::string text;
  for (std::size_t i = at; kernel_version != 0 && i < file.size() && i - at < version_text_max;
       ++i) {
    if (file[i] < 0x20 || file[i] > 0x7E) break;
    text.push_back(static_cast<char>(file[i]));
  }
  return text;
}

}  // namespace

Result<BzImage> read_bzimage(ByteView file) {
  ByteReader reader(file);
  if (!reader.skip(boot::setup_header_offset)) {
    return fail(Code::invalid_input, "kernel: {} bytes are too few for a bzImage", file.size());
  }
  // Older headers are shorter: what lies behind theirs is not a header field and reads as zero.
  const ByteView rest = file.subspan(boot::setup_header_offset);
  std::array<std::uint8_t, sizeof(boot::SetupHeader)> raw{};
  std::copy_n(rest.begin(), std::min(rest.size(), raw.size()), raw.begin());
  BzImage image;
  image.header = *ByteReader(raw).object<boot::SetupHeader>();
  if (image.header.boot_flag != boot::boot_flag || image.header.header != boot::header_magic) {
    return fail(Code::invalid_input,
                "kernel: not a bzImage: boot flag {:#x} (wanted {:#x}), magic {:#x} (wanted {:#x})",
                image.header.boot_flag.get(), boot::boot_flag, image.header.header.get(),
                boot::header_magic);
  }
  if (image.header.version < boot::version_with_payload) {
    return fail(Code::unsupported, "kernel: boot protocol {}.{:02}, need 2.12 or later",
                image.header.version >> 8, image.header.version & 0xFF);
  }
  if ((image.header.xloadflags & boot::xloadflags_kernel_64) == 0) {
    return fail(Code::unsupported, "kernel: not a 64-bit kernel (xloadflags {:#x})",
                image.header.xloadflags.get());
  }
  image.header_size = std::min<std::size_t>(
      header_start + image.header.jump_length - boot::setup_header_offset, raw.size());

  const std::size_t sectors =
      image.header.setup_sects == 0 ? boot::setup_sects_default : image.header.setup_sects;
  const std::size_t setup_size = (sectors + 1) * boot::sector_size;
  if (setup_size > file.size()) {
    return fail(Code::invalid_input, "kernel: {} setup sectors, but the file has {} bytes", sectors,
                file.size());
  }
  image.protected_mode = file.subspan(setup_size);
  ByteReader body(image.protected_mode);
  if (!body.skip(image.header.payload_offset)) {
    return fail(Code::invalid_input, "kernel: payload at {:#x}, but the code has {:#x} bytes",
                image.header.payload_offset.get(), image.protected_mode.size());
  }
  const auto payload = body.view(image.header.payload_length);
  if (!payload || payload->empty()) {
    return fail(Code::invalid_input, "kernel: payload of {:#x} bytes at {:#x}, of {:#x} in all",
                image.header.payload_length.get(), image.header.payload_offset.get(),
                image.protected_mode.size());
  }
  image.payload = *payload;
  image.version = version_text(file, image.header.kernel_version);
  return image;
}

}  // namespace extreq::machine
