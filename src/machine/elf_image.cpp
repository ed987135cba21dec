#include "machine/elf_image.hpp"

#include <algorithm>

#include "abi/elf64.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "machine/elf_file.hpp"

namespace extreq::machine {
namespace {

namespace elf = abi::elf64;

constexpr std::size_t headers_max = 4096;  // a kernel has fewer than ten segments, sixty sections

Status read_segments(ByteView file, const elf::Header& header, ElfImage& image) {
  for (std::size_t i = 0; i < std::min<std::size_t>(header.phnum, headers_max); ++i) {
    const auto program = elf_entry<elf::ProgramHeader>(file, header.phoff, i);
    if (!program) return fail(Code::invalid_input, "vmlinux: program header {} outside file", i);
    if (program->type != elf::program_load || program->memsz == 0) continue;
    const auto content = elf_part(file, program->offset, program->filesz);
    const std::uint64_t end = program->paddr + program->memsz;
    if (!content || program->memsz < program->filesz || end < program->paddr) {
      return fail(Code::invalid_input,
                  "vmlinux: segment {}: {:#x} bytes at {:#x} of the file, {:#x} bytes at {:#x} of "
                  "memory: not possible",
                  i, program->filesz.get(), program->offset.get(), program->memsz.get(),
                  program->paddr.get());
    }
    image.segments.push_back({program->vaddr, program->paddr, program->memsz, *content});
  }
  return {};
}

Status read_code(ByteView file, const elf::Header& header, ElfImage& image) {
  for (std::size_t i = 0; i < std::min<std::size_t>(header.shnum, headers_max); ++i) {
    const auto section = elf_entry<elf::SectionHeader>(file, header.shoff, i);
    if (!section) return fail(Code::invalid_input, "vmlinux: section header {} outside file", i);
    if (section->type != elf::section_progbits || (section->flags & elf::section_executable) == 0) {
      continue;
    }
    const auto content = elf_part(file, section->offset, section->size);
    if (!content) {
      return fail(Code::invalid_input, "vmlinux: section {}: {:#x} bytes at {:#x} outside file", i,
                  section->size.get(), section->offset.get());
    }
    image.code.push_back({section->addr, *content});
  }
  return {};
}

}  // namespace

std::uint64_t ElfImage::physical_start() const noexcept {
  std::uint64_t lowest = ~std::uint64_t{0};
  for (const auto& segment : segments) lowest = std::min(lowest, segment.physical_address);
  return lowest;
}

std::uint64_t ElfImage::physical_end() const noexcept {
  std::uint64_t highest = 0;
  for (const auto& segment : segments) {
    highest = std::max(highest, segment.physical_address + segment.memory_size);
  }
  return highest;
}

std::optional<std::uint64_t> ElfImage::physical(std::uint64_t virtual_address) const noexcept {
  for (const auto& segment : segments) {
    const std::uint64_t offset = virtual_address - segment.virtual_address;
    if (virtual_address >= segment.virtual_address && offset < segment.memory_size) {
      return segment.physical_address + offset;
    }
  }
  return std::nullopt;
}

Result<ElfImage> read_elf(ByteView file) {
  const auto header = ByteReader(file).object<elf::Header>();
  if (!header || header->magic != elf::magic) {
    return fail(Code::invalid_input, "vmlinux: not an ELF file ({} bytes)", file.size());
  }
  if (header->file_class != elf::class_64 || header->data != elf::data_little_endian ||
      header->machine != elf::machine_x86_64 || header->type != elf::type_executable) {
    return fail(Code::invalid_input,
                "vmlinux: class {}, data {}, machine {}, type {}: not an x86-64 executable",
                header->file_class, header->data, header->machine.get(), header->type.get());
  }
  if (header->phentsize != sizeof(elf::ProgramHeader) ||
      (header->shnum != 0 && header->shentsize != sizeof(elf::SectionHeader))) {
    return fail(Code::invalid_input, "vmlinux: header sizes {} and {}, wanted {} and {}",
                header->phentsize.get(), header->shentsize.get(), sizeof(elf::ProgramHeader),
                sizeof(elf::SectionHeader));
  }
  ElfImage image;
  image.entry = header->entry;
  EXTREQ_TRY(read_segments(file, *header, image));
  EXTREQ_TRY(read_code(file, *header, image));
  if (image.segments.empty()) return fail(Code::unsupported, "vmlinux: no segment to load");
  if (image.code.empty()) {
    return fail(Code::unsupported, "vmlinux: no executable section (is the section table gone?)");
  }
  return image;
}

}  // namespace extreq::machine
