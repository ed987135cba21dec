#include "machine/launch_plan.hpp"

#include <algorithm>
#include <utility>

#include "attestation/launch_digest.hpp"
#include "base/byte_builder.hpp"
#include "base/try.hpp"
#include "machine/cpuid_page.hpp"
#include "machine/rom.hpp"

namespace extreq::machine {
namespace {

namespace boot = abi::linux_boot;
namespace snp = abi::snp;
namespace x86 = abi::x86;

constexpr std::uint64_t page = snp::page_size;

// Low memory, below the devices: what is needed only until the kernel has copied it.
constexpr std::uint64_t tables_gpa = 0x10000;  // PML4, PDPT, PD, and the PT of the first 2 MiB
constexpr std::uint64_t boot_params_gpa = 0x14000;
constexpr std::uint64_t setup_data_gpa = 0x15000;
constexpr std::uint64_t command_line_gpa = 0x16000;
constexpr std::uint64_t low_memory_end = 0x9F000;
constexpr std::uint64_t high_memory_start = 0x100000;
// Where a virtual machine's usual firmware has them too.
constexpr std::uint64_t secrets_gpa = 0x80D000;
constexpr std::uint64_t cpuid_gpa = 0x80E000;
constexpr std::uint64_t cc_blob_gpa = 0x80F000;
constexpr std::uint64_t special_end = 0x810000;

constexpr std::uint64_t mapped_size = 1ULL << 30U;  // by the first page tables
constexpr std::uint64_t table_flags = x86::pte_present | x86::pte_writable;

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) noexcept {
  return (value + to - 1) / to * to;
}

LaunchRegion normal(std::uint64_t gpa, Bytes content, const char* what) {
  content.resize(round_up(content.size(), page));
  const std::size_t count = content.size() / page;
  return {gpa, snp::PageType::normal, count, std::move(content), what};
}

// The first GiB, to itself, private; the ROM's pages shared, since the processor comes from there.
Bytes make_tables() {
  ByteBuilder tables(4 * page);
  tables.u64((tables_gpa + page) | c_bit_mask | table_flags).zeros(page - 8);
  tables.u64((tables_gpa + 2 * page) | c_bit_mask | table_flags).zeros(page - 8);
  tables.u64((tables_gpa + 3 * page) | c_bit_mask | table_flags);
  for (std::size_t i = 1; i < x86::pte_count; ++i) {
    tables.u64(i * x86::large_page_size | c_bit_mask | table_flags | x86::pte_large);
  }
  for (std::size_t i = 0; i < x86::pte_count; ++i) {
    const std::uint64_t address = i * page;
    const bool in_rom = address >= rom_base && address < rom_base + rom_size;
    tables.u64(address | (in_rom ? 0 : c_bit_mask) | table_flags);
  }
  return tables.take();
}

boot::E820Entry e820(std::uint64_t start, std::uint64_t end, std::uint32_t type) {
  return {start, end - start, type};
}

Bytes make_boot_params(const KernelImage& kernel, const LaunchInputs& inputs,
                       std::uint64_t initrd_gpa) {
  boot::BootParams params;
  params.hdr = kernel.file().header;
  params.hdr.type_of_loader = boot::type_of_loader_undefined;
  // The vmlinux is loaded where it was linked: no address randomisation took place.
  params.hdr.loadflags = static_cast<std::uint8_t>(
      (params.hdr.loadflags | boot::loadflags_loaded_high) & ~boot::loadflags_kaslr);
  params.hdr.ramdisk_image = inputs.initrd.empty() ? 0 : static_cast<std::uint32_t>(initrd_gpa);
  params.hdr.ramdisk_size = static_cast<std::uint32_t>(inputs.initrd.size());
  params.hdr.cmd_line_ptr = static_cast<std::uint32_t>(command_line_gpa);
  params.hdr.setup_data = setup_data_gpa;
  const std::array map{
      e820(0, low_memory_end, boot::e820_ram),
      e820(high_memory_start, secrets_gpa, boot::e820_ram),
      e820(secrets_gpa, special_end, boot::e820_reserved),
      e820(special_end, inputs.memory, boot::e820_ram),
  };
  std::copy(map.begin(), map.end(), params.e820_table.begin());
  params.e820_entries = static_cast<std::uint8_t>(map.size());
  return ByteBuilder().object(params).take();
}

Bytes make_setup_data() {
  boot::SetupDataCcBlob data;
  data.head.type = boot::setup_data_cc_blob;
  data.head.len = static_cast<std::uint32_t>(sizeof data - sizeof data.head);
  data.cc_blob_address = static_cast<std::uint32_t>(cc_blob_gpa);
  return ByteBuilder().object(data).take();
}

Bytes make_cc_blob() {
  boot::CcBlob blob;
  blob.magic = boot::cc_blob_magic;
  blob.version = boot::cc_blob_version;
  blob.secrets_phys = secrets_gpa;
  blob.secrets_len = static_cast<std::uint32_t>(page);
  blob.cpuid_phys = cpuid_gpa;
  blob.cpuid_len = static_cast<std::uint32_t>(page);
  return ByteBuilder().object(blob).take();
}

Status check_inputs(const KernelImage& kernel, const LaunchInputs& inputs) {
  if (inputs.memory % x86::large_page_size != 0 || inputs.memory < memory_min ||
      inputs.memory > memory_max) {
    return fail(Code::invalid_input, "memory: {} bytes, wanted {} to {} MiB, a multiple of 2 MiB",
                inputs.memory, memory_min >> 20U, memory_max >> 20U);
  }
  const std::size_t text_max = std::min<std::size_t>(kernel.file().header.cmdline_size, page - 1);
  if (inputs.command_line.size() > text_max ||
      inputs.command_line.find('\0') != std::string::npos) {
    return fail(Code::invalid_input, "command line: {} bytes, this kernel takes {}, without zeros",
                inputs.command_line.size(), text_max);
  }
  return {};
}

// Each segment's content, then pages of zeros for what its memory has beyond it. Segments may share
// a page: what is known of both is in the page.
Status place_vmlinux(const KernelImage& kernel, std::uint64_t limit,
                     std::vector<LaunchRegion>& regions) {
  const ElfImage& vmlinux = kernel.vmlinux();
  const std::uint64_t start = vmlinux.physical_start() / page * page;
  const std::uint64_t end = round_up(vmlinux.physical_end(), page);
  if (start < special_end || end > limit || end > mapped_size ||
      start + kernel.file().header.init_size > limit) {
    return fail(Code::too_small,
                "vmlinux needs {:#x} to {:#x} and {:#x} bytes while it starts; free are {:#x} to "
                "{:#x}: give more memory",
                start, end, kernel.file().header.init_size.get(), special_end, limit);
  }
  Bytes memory(end - start);
  std::uint64_t content_end = start;
  for (const auto& segment : vmlinux.segments) {
    const std::uint64_t offset = segment.physical_address - start;
    std::copy(segment.content.begin(), segment.content.end(),
              memory.begin() + static_cast<std::ptrdiff_t>(offset));
    content_end = std::max(content_end, start + offset + segment.content.size());
  }
  content_end = round_up(content_end, page);
  memory.resize(content_end - start);
  regions.push_back(normal(start, std::move(memory), "vmlinux"));
  if (end > content_end) {
    regions.push_back(
        {content_end, snp::PageType::zero, (end - content_end) / page, {}, "vmlinux, zeros"});
  }
  return {};
}

// The protected-mode part of the file as a boot loader places it, started at its 64-bit entry.
Status place_decompressor(const KernelImage& kernel, std::uint64_t limit, LaunchPlan& plan) {
  const BzImage& file = kernel.file();
  EXTREQ_TRY_ASSIGN(plan.decompressor, scan_decompressor(file));
  const std::uint64_t start = plan.decompressor->load_address;
  const std::uint64_t end = start + file.header.init_size;
  if (start % page != 0 || start < special_end || end > limit || end > mapped_size ||
      file.protected_mode.size() > file.header.init_size) {
    return fail(Code::too_small,
                "the decompressor needs {:#x} to {:#x}; free are {:#x} to {:#x}: give more memory",
                start, end, special_end, limit);
  }
  plan.regions.push_back(
      normal(start, Bytes(file.protected_mode.begin(), file.protected_mode.end()), "decompressor"));
  plan.entry.rip = start + boot::entry_64_offset;
  return {};
}

}  // namespace

std::size_t LaunchPlan::page_count() const noexcept {
  std::size_t count = 0;
  for (const auto& region : regions) count += region.page_count;
  return count;
}

Status LaunchPlan::for_each_page(const EachPage& each) const {
  static constexpr std::array<std::uint8_t, page> zeros{};
  for (const auto& region : regions) {
    for (std::size_t i = 0; i < region.page_count; ++i) {
      const PageView contents = region.content.empty()
                                    ? PageView(zeros)
                                    : PageView(region.content.data() + i * page, page);
      EXTREQ_TRY(each(region.type, region.gpa + i * page, contents));
    }
  }
  return {};
}

crypto::Sha384Digest expected_measurement(const LaunchPlan& plan) {
  attestation::LaunchDigest digest;
  static_cast<void>(plan.for_each_page(
      [&digest](snp::PageType type, std::uint64_t gpa, LaunchPlan::PageView contents) -> Status {
        digest.add_page(type, gpa, contents);
        return {};
      }));
  return digest.digest();
}

Result<LaunchPlan> plan_launch(const KernelImage& kernel, const LaunchInputs& inputs) {
  EXTREQ_TRY(check_inputs(kernel, inputs));
  LaunchPlan plan;
  plan.memory = inputs.memory;
  plan.entry = {kernel.vmlinux().entry, boot_params_gpa, tables_gpa | c_bit_mask};

  // The initrd lies at the end of what the kernel can reach; the kernel below it.
  const std::uint64_t top =
      std::min<std::uint64_t>(inputs.memory, kernel.file().header.initrd_addr_max);
  if (inputs.initrd.size() > top) {
    return fail(Code::too_small, "initrd: {} bytes do not fit {} bytes of memory",
                inputs.initrd.size(), top);
  }
  const std::uint64_t initrd_gpa = (top - inputs.initrd.size()) / page * page;
  if (inputs.through_decompressor) {
    EXTREQ_TRY(place_decompressor(kernel, initrd_gpa, plan));
  } else {
    EXTREQ_TRY(place_vmlinux(kernel, initrd_gpa, plan.regions));
  }
  if (!inputs.initrd.empty()) {
    plan.regions.push_back(
        normal(initrd_gpa, Bytes(inputs.initrd.begin(), inputs.initrd.end()), "initrd"));
  }
  plan.regions.push_back(normal(tables_gpa, make_tables(), "page tables"));
  plan.regions.push_back(
      normal(boot_params_gpa, make_boot_params(kernel, inputs, initrd_gpa), "boot_params"));
  plan.regions.push_back(normal(setup_data_gpa, make_setup_data(), "setup_data"));
  Bytes command_line = to_bytes(inputs.command_line);
  command_line.push_back(0);
  plan.regions.push_back(normal(command_line_gpa, std::move(command_line), "command line"));
  plan.regions.push_back(normal(cc_blob_gpa, make_cc_blob(), "CC blob"));
  plan.regions.push_back({secrets_gpa, snp::PageType::secrets, 1, {}, "secrets"});
  plan.regions.push_back(
      {cpuid_gpa, snp::PageType::cpuid, 1, make_cpuid_page(inputs.cpu), "CPUID"});
  plan.regions.push_back({snp::vmsa_gpa, snp::PageType::vmsa, 1,
                          ByteBuilder().object(make_vmsa(plan.entry)).take(), "VMSA"});
  return plan;
}

}  // namespace extreq::machine
