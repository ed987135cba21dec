#include "machine/test_kernel.hpp"

#include <stdexcept>

#include <zlib.h>

#include "abi/elf64.hpp"
#include "abi/linux_boot.hpp"
#include "base/byte_builder.hpp"

namespace extreq::machine::test {
namespace {

namespace boot = abi::linux_boot;
namespace elf = abi::elf64;

constexpr std::size_t code_offset = 0x1000;
constexpr std::size_t setup_sectors = 2;
constexpr std::size_t payload_offset = 0x300;

}  // namespace

Bytes snp_code() {
  ByteBuilder code;
  const auto nops = [&code](std::size_t count) { code.bytes(Bytes(count, 0x90)); };
  nops(16);
  code.bytes(Bytes{0xB8, 0x1F, 0x00, 0x00, 0x80, 0x31, 0xC9, 0x0F, 0xA2});  // CPUID, at 23
  nops(7);
  code.bytes(Bytes{0xB9, 0x31, 0x01, 0x01, 0xC0, 0x0F, 0x32});  // RDMSR SEV_STATUS, at 37
  nops(9);
  code.bytes(Bytes{0xF2, 0x0F, 0x01, 0xFF});  // PVALIDATE, at 48
  code.bytes(Bytes{0xF3, 0x0F, 0x01, 0xFE});  // RMPADJUST, at 52
  code.bytes(Bytes{0xF3, 0x0F, 0x01, 0xD9});  // VMGEXIT, at 56
  nops(4);
  code.bytes(Bytes{0xB9, 0x30, 0x01, 0x01, 0xC0, 0x0F, 0x30});  // WRMSR, and
  code.bytes(Bytes{0xF3, 0x0F, 0x01, 0xD9, 0x0F, 0x32});        // VMGEXIT, RDMSR, at 71
  nops(3);
  code.bytes(Bytes{0xB9, 0x30, 0x01, 0x01, 0xC0, 0x90, 0x90, 0x0F, 0x32});  // RDMSR, at 87
  nops(32);
  return code.take();
}

Bytes make_vmlinux(ByteView code) {
  elf::Header header;
  header.magic = elf::magic;
  header.file_class = elf::class_64;
  header.data = elf::data_little_endian;
  header.type = elf::type_executable;
  header.machine = elf::machine_x86_64;
  header.entry = kernel_physical;
  header.phoff = sizeof(elf::Header);
  header.shoff = sizeof(elf::Header) + sizeof(elf::ProgramHeader);
  header.phentsize = static_cast<std::uint16_t>(sizeof(elf::ProgramHeader));
  header.phnum = std::uint16_t{1};
  header.shentsize = static_cast<std::uint16_t>(sizeof(elf::SectionHeader));
  header.shnum = std::uint16_t{1};
  elf::ProgramHeader segment;
  segment.type = elf::program_load;
  segment.offset = code_offset;
  segment.vaddr = kernel_virtual;
  segment.paddr = kernel_physical;
  segment.filesz = code.size();
  segment.memsz = code.size() + 0x3000;
  elf::SectionHeader section;
  section.type = elf::section_progbits;
  section.flags = elf::section_executable;
  section.addr = kernel_virtual;
  section.offset = code_offset;
  section.size = code.size();
  ByteBuilder file;
  file.object(header).object(segment).object(section);
  file.zeros(code_offset - file.size()).bytes(code);
  return file.take();
}

Bytes make_bzimage(ByteView payload) {
  boot::SetupHeader header;
  header.setup_sects = setup_sectors;
  header.boot_flag = boot::boot_flag;
  header.header = boot::header_magic;
  header.version = std::uint16_t{0x20F};
  header.jump_length = 0x6A;
  header.kernel_version = std::uint16_t{0x200};  // at 0x400
  header.xloadflags = boot::xloadflags_kernel_64;
  header.initrd_addr_max = 0x7FFFFFFFU;
  header.cmdline_size = 2047U;
  header.payload_offset = static_cast<std::uint32_t>(payload_offset);
  header.payload_length = static_cast<std::uint32_t>(payload.size());
  header.pref_address = kernel_physical;
  header.init_size = 0x10000U;
  ByteBuilder file;
  file.zeros(boot::setup_header_offset).object(header);
  file.zeros(0x400 - file.size()).bytes(to_bytes("6.1.0-test (someone) #1")).u8(0);
  file.zeros((setup_sectors + 1) * boot::sector_size - file.size());
  file.zeros(payload_offset).bytes(payload);
  return file.take();
}

Bytes gzip(ByteView content) {
  z_stream stream{};
  if (deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib");
  }
  Bytes out(deflateBound(&stream, static_cast<uLong>(content.size())));
  Bytes copy(content.begin(), content.end());
  stream.next_in = copy.data();
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace extreq::machine::test
