#include "attestation/ovmf.hpp"

#include <algorithm>

#include "abi/snp_firmware.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

namespace ovmf = abi::ovmf;
using ovmf::SectionType;

bool is_known(SectionType type) noexcept {
  switch (type) {
    case SectionType::memory:
    case SectionType::secrets:
    case SectionType::cpuid:
    case SectionType::svsm_calling_area:
    case SectionType::kernel_hashes:
      return true;
  }
  return false;
}

// Those that the launch gives to the firmware in one command for one page.
bool is_one_page(SectionType type) noexcept {
  return type == SectionType::secrets || type == SectionType::cpuid ||
         type == SectionType::kernel_hashes;
}

}  // namespace

Result<OvmfImage> OvmfImage::parse(Bytes bytes) {
  if (bytes.empty() || bytes.size() % abi::snp::page_size != 0 || bytes.size() > size_max) {
    return fail(Code::invalid_input,
                "firmware image: {:#x} bytes found, whole pages up to {:#x} wanted", bytes.size(),
                size_max);
  }
  OvmfImage image(std::move(bytes));
  EXTREQ_TRY(image.read_table());
  if (image.metadata_from_end_) EXTREQ_TRY(image.read_metadata(*image.metadata_from_end_));
  return image;
}

Status OvmfImage::read_table() {
  constexpr std::size_t header_size = sizeof(ovmf::EntryHeader);
  const std::size_t end = bytes_.size() - ovmf::footer_to_end;  // a page is longer than that
  const auto header_before = [&](std::size_t at) {
    return *ByteReader(ByteView(bytes_).subspan(at - header_size)).object<ovmf::EntryHeader>();
  };
  const auto footer = header_before(end);
  if (footer.guid != ovmf::guid_footer) {
    return fail(Code::invalid_input, "firmware image: no table of GUIDs at its end");
  }
  if (footer.size < header_size || footer.size > end) {
    return fail(Code::invalid_input,
                "firmware image: its table of GUIDs has {} bytes, {} to {} fit", footer.size.get(),
                header_size, end);
  }
  const std::size_t start = end - footer.size;
  std::size_t at = end - header_size;
  for (std::size_t count = 0; at > start; ++count) {
    if (count == entries_max) {
      return fail(Code::invalid_input, "firmware image: more than {} entries in its table of GUIDs",
                  entries_max);
    }
    if (at - start < header_size) {
      return fail(Code::invalid_input,
                  "firmware image: {} bytes before the first entry of its "
                  "table of GUIDs are none",
                  at - start);
    }
    const auto header = header_before(at);
    if (header.size < header_size || header.size > at - start) {
      return fail(Code::invalid_input,
                  "firmware image: entry {} of its table of GUIDs has {} bytes, {} to {} fit",
                  count, header.size.get(), header_size, at - start);
    }
    EXTREQ_TRY(read_entry(header.guid,
                          ByteView(bytes_).subspan(at - header.size, header.size - header_size)));
    at -= header.size;
  }
  return {};
}

Status OvmfImage::read_entry(const ovmf::Guid& guid, ByteView data) {
  std::optional<std::uint32_t>* value = nullptr;
  if (guid == ovmf::guid_reset_block) value = &reset_eip_;
  if (guid == ovmf::guid_hash_table_area) value = &hash_table_gpa_;
  if (guid == ovmf::guid_sev_metadata) value = &metadata_from_end_;
  if (value == nullptr) return {};  // not about the launch
  const auto number = ByteReader(data).u32();
  if (!number || value->has_value()) {
    return fail(Code::invalid_input, "firmware image: the entry {} of its table of GUIDs {}",
                to_hex(guid), number ? "is there twice" : "is too short");
  }
  // An image without the feature has the entry with an address of 0.
  if (*number != 0 || value != &hash_table_gpa_) *value = *number;
  return {};
}

Status OvmfImage::read_metadata(std::size_t from_end) {
  if (from_end > bytes_.size()) {
    return fail(Code::invalid_input,
                "firmware image: its SEV metadata is {:#x} bytes before the end of {:#x}", from_end,
                bytes_.size());
  }
  ByteReader reader(ByteView(bytes_).subspan(bytes_.size() - from_end));
  const auto header = reader.object<ovmf::MetadataHeader>();
  if (!header || header->signature != ovmf::metadata_signature) {
    return fail(Code::invalid_input, "firmware image: no SEV metadata where its table says");
  }
  if (header->version != ovmf::metadata_version) {
    return fail(Code::unsupported, "firmware image: SEV metadata of version {}, {} wanted",
                header->version.get(), ovmf::metadata_version);
  }
  const std::uint64_t needed =
      sizeof(*header) + std::uint64_t{header->count} * sizeof(ovmf::MetadataSection);
  if (header->count > sections_max || header->size < needed || header->size > from_end) {
    return fail(
        Code::invalid_input,
        "firmware image: SEV metadata of {} bytes with {} sections; at most {} sections, in "
        "at most {} bytes, can be",
        header->size.get(), header->count.get(), sections_max, from_end);
  }
  for (std::uint32_t i = 0; i < header->count; ++i) {
    const auto section = reader.object<ovmf::MetadataSection>();
    if (!section) return fail(Code::invalid_input, "firmware image: SEV metadata is cut off");
    EXTREQ_TRY(add_section(*section));
  }
  return {};
}

Status OvmfImage::add_section(const ovmf::MetadataSection& section) {
  const Section added{section.gpa, section.size, static_cast<SectionType>(section.type.get())};
  const std::uint64_t end = std::uint64_t{added.gpa} + added.size;
  const auto what = [&] {
    return fmt::format(
        "firmware image: section {} of its SEV metadata ({:#x} bytes at {:#x}, "
        "type {})",
        sections_.size(), added.size, added.gpa, section.type.get());
  };
  if (!is_known(added.type)) {
    return fail(Code::unsupported, "{} is of no known type", what());
  }
  if (added.gpa % abi::snp::page_size != 0 || added.size % abi::snp::page_size != 0 ||
      added.size == 0 || (is_one_page(added.type) && added.size != abi::snp::page_size)) {
    return fail(Code::invalid_input, "{} is not made of as many whole pages as its type has",
                what());
  }
  std::uint64_t all = added.size;
  for (const Section& other : sections_) {
    if (added.gpa < std::uint64_t{other.gpa} + other.size && other.gpa < end) {
      return fail(Code::invalid_input, "{} overlaps the one at {:#x}", what(), other.gpa);
    }
    all += other.size;
  }
  if (all > section_bytes_max || end > gpa()) {
    return fail(Code::invalid_input,
                "{} reaches into the image, or all sections have more than "
                "{:#x} bytes",
                what(), section_bytes_max);
  }
  sections_.push_back(added);
  return {};
}

}  // namespace extreq::attestation
