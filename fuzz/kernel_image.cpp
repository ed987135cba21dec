// Kernel files: bzImage, its compressions, vmlinux, the sites in both, and modules' headers, as
// `extreq boot` reads them from files that it did not make.
#include "fuzz/input.hpp"
#include "machine/bzimage.hpp"
#include "machine/decompress.hpp"
#include "machine/decompressor.hpp"
#include "machine/elf_image.hpp"
#include "machine/site_table.hpp"

namespace extreq::fuzz {
namespace {

constexpr std::size_t content_max = 65536;

bool inside(ByteView part, ByteView whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.size() <= whole.size() &&
          static_cast<std::size_t>(part.data() - whole.data()) <= whole.size() - part.size());
}

void read_vmlinux(ByteView file) {
  const auto image = machine::read_elf(file);
  if (!image) {
    require(!image.error().message.empty(), "a failure has words");
    return;
  }
  require(image->physical_start() <= image->physical_end(), "segments have an extent");
  for (const auto& segment : image->segments) {
    require(inside(segment.content, file), "a segment's content is in the file");
    require(segment.content.size() <= segment.memory_size, "memory holds the content");
  }
  for (const auto& code : image->code) require(inside(code.content, file), "code is in the file");
  const auto sites = machine::scan_sites(*image);
  if (!sites) return;
  for (const auto& site : sites->sites) {
    require(image->physical(site.virtual_address) == site.physical_address,
            "a site is in a segment");
  }
  static_cast<void>(machine::check_sites(*sites));
}

void read_payload(ByteView payload) {
  const auto content = machine::decompress(payload, content_max);
  if (!content) {
    require(!content.error().message.empty(), "a failure has words");
    return;
  }
  require(content->size() <= content_max, "the limit holds");
  read_vmlinux(*content);
}

void read_file(ByteView file) {
  const auto image = machine::read_bzimage(file);
  if (!image) return;
  require(inside(image->payload, image->protected_mode), "the payload is in the code");
  read_payload(image->payload);
  const auto decompressor = machine::scan_decompressor(*image);
  if (!decompressor) return;
  for (const auto& site : decompressor->sites) {
    require(site.virtual_address == site.physical_address, "the decompressor runs unmapped");
  }
}

void compare(Input& input) {
  const ByteView memory = input.bytes(input.u8());
  const ByteView original = input.bytes(input.u8());
  const auto moved = machine::virtual_move(memory, original, 0xFFFFFFFF80000000, ~0ULL);
  require(!moved || *moved % 0x200000 == 0, "kernels move by 2 MiB");
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  const std::uint8_t what = input.u8();
  const ByteView rest(data + std::min<std::size_t>(size, 1), size - std::min<std::size_t>(size, 1));
  if (what == 0) fuzz::read_file(rest);
  if (what == 1) fuzz::read_payload(rest);
  if (what == 2) fuzz::read_vmlinux(rest);
  if (what == 3) fuzz::compare(input);
  return 0;
}
