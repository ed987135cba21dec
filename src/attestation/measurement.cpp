#include "attestation/measurement.hpp"

#include <algorithm>

#include "base/byte_builder.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

namespace ovmf = abi::ovmf;
namespace x86 = abi::x86;
using abi::snp::page_size;
using abi::snp::PageType;
using ovmf::SectionType;
using Page = std::array<std::uint8_t, page_size>;
using PageView = std::span<const std::uint8_t, page_size>;

Status check(const OvmfImage& image, const QemuLaunch& launch) {
  if (launch.vcpus == 0 || launch.vcpus > vcpus_max) {
    return fail(Code::invalid_input, "{} vCPUs, 1 to {} wanted", launch.vcpus, vcpus_max);
  }
  if (launch.vcpus > 1 && !image.reset_eip()) {
    return fail(Code::invalid_input,
                "{} vCPUs, and the firmware image does not say where the second one starts",
                launch.vcpus);
  }
  if ((launch.guest_features & x86::sev_features_snp_active) == 0) {
    return fail(Code::invalid_input, "guest features {:#x}: bit 0 is set in every SNP guest",
                launch.guest_features);
  }
  if (!launch.kernel) return {};
  const auto section =
      std::ranges::find(image.sections(), SectionType::kernel_hashes, &OvmfImage::Section::type);
  if (section == image.sections().end() || !image.hash_table_gpa()) {
    return fail(Code::invalid_input,
                "a kernel is given, and the firmware image has no place for its hashes: it would "
                "not look at them");
  }
  const std::uint64_t end = std::uint64_t{*image.hash_table_gpa()} + sizeof(ovmf::HashTable);
  if (*image.hash_table_gpa() < section->gpa || end > std::uint64_t{section->gpa} + section->size) {
    return fail(Code::invalid_input,
                "the firmware image wants the kernel's hashes at {:#x}, and "
                "its page for them is at {:#x}",
                *image.hash_table_gpa(), section->gpa);
  }
  return {};
}

ovmf::HashEntry entry(const ovmf::Guid& guid, const crypto::Sha256Digest& sha256) {
  ovmf::HashEntry made;
  made.guid = guid;
  made.length = static_cast<std::uint16_t>(sizeof(made));
  made.sha256 = sha256;
  return made;
}

Page hash_page(const KernelHashes& hashes, std::size_t offset) {
  ovmf::HashTable table;
  table.guid = ovmf::guid_hash_table;
  table.length = static_cast<std::uint16_t>(sizeof(table) - sizeof(table.padding));
  table.command_line = entry(ovmf::guid_command_line, hashes.command_line);
  table.initrd = entry(ovmf::guid_initrd, hashes.initrd);
  table.kernel = entry(ovmf::guid_kernel, hashes.kernel);
  Page page{};
  std::ranges::copy(ByteBuilder().object(table).view(),
                    page.begin() + static_cast<std::ptrdiff_t>(offset));
  return page;
}

void add_section(LaunchDigest& digest, const OvmfImage& image, const OvmfImage::Section& section,
                 const std::optional<KernelHashes>& hashes) {
  PageType type = PageType::zero;
  Page contents{};
  if (section.type == SectionType::secrets) type = PageType::secrets;
  if (section.type == SectionType::cpuid) type = PageType::cpuid;
  if (section.type == SectionType::kernel_hashes && hashes) {
    type = PageType::normal;
    contents = hash_page(*hashes, *image.hash_table_gpa() - section.gpa);
  }
  for (std::uint64_t at = 0; at < section.size; at += page_size) {
    digest.add_page(type, section.gpa + at, contents);
  }
}

x86::Segment segment(std::uint16_t attrib) {
  x86::Segment made;
  made.attrib = attrib;
  made.limit = ovmf::segment_limit_16;
  return made;
}

void add_vmsa(LaunchDigest& digest, const x86::Vmsa& vmsa) {
  const auto bytes = ByteBuilder().object(vmsa).take();
  digest.add_page(PageType::vmsa, abi::snp::vmsa_gpa, PageView(bytes));
}

}  // namespace

KernelHashes KernelHashes::of(ByteView kernel, ByteView initrd, std::string_view command_line) {
  Bytes terminated = to_bytes(command_line);
  terminated.push_back(0);
  return {crypto::sha256(kernel), crypto::sha256(initrd), crypto::sha256(terminated)};
}

x86::Vmsa qemu_vmsa(std::uint32_t eip, std::uint32_t cpuid_signature,
                    std::uint64_t guest_features) noexcept {
  constexpr std::uint32_t offset_mask = 0xFFFF;
  x86::Vmsa vmsa;
  vmsa.cs = segment(ovmf::attrib_code_16);
  vmsa.cs.selector = 0xF000;
  vmsa.cs.base = eip & ~offset_mask;
  for (x86::Segment* const data : {&vmsa.es, &vmsa.ss, &vmsa.ds, &vmsa.fs, &vmsa.gs}) {
    *data = segment(ovmf::attrib_data_16);
  }
  vmsa.gdtr = segment(0);
  vmsa.idtr = segment(0);
  vmsa.ldtr = segment(x86::attrib_ldt);
  vmsa.tr = segment(x86::attrib_tss_busy);
  vmsa.efer = x86::efer_svme;
  vmsa.cr4 = ovmf::cr4_at_reset;
  vmsa.cr0 = x86::cr0_et;
  vmsa.dr6 = x86::dr6_reset;
  vmsa.dr7 = x86::dr7_reset;
  vmsa.rflags = x86::rflags_reserved_one;
  vmsa.rip = eip & offset_mask;
  vmsa.rdx = cpuid_signature;
  vmsa.g_pat = x86::pat_reset;
  vmsa.sev_features = guest_features;
  vmsa.xcr0 = 1U;
  vmsa.mxcsr = ovmf::mxcsr_at_reset;
  vmsa.x87_fcw = ovmf::x87_fcw_at_reset;
  return vmsa;
}

crypto::Sha384Digest digest_of_image(const OvmfImage& image) {
  LaunchDigest digest;
  for (std::size_t at = 0; at < image.bytes().size(); at += page_size) {
    digest.add_page(PageType::normal, image.gpa() + at,
                    PageView(image.bytes().subspan(at, page_size)));
  }
  return digest.digest();
}

Result<crypto::Sha384Digest> expected_measurement(const OvmfImage& image,
                                                  const QemuLaunch& launch) {
  EXTREQ_TRY(check(image, launch));
  LaunchDigest digest(launch.image_digest ? *launch.image_digest : digest_of_image(image));
  for (const auto& section : image.sections()) add_section(digest, image, section, launch.kernel);
  add_vmsa(digest, qemu_vmsa(ovmf::reset_vector, launch.cpuid_signature, launch.guest_features));
  if (launch.vcpus > 1) {
    const auto other = qemu_vmsa(*image.reset_eip(), launch.cpuid_signature, launch.guest_features);
    for (std::uint32_t i = 1; i < launch.vcpus; ++i) add_vmsa(digest, other);
  }
  return digest.digest();
}

}  // namespace extreq::attestation
