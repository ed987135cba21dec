// Firmware images for tests: nothing in them but the table of GUIDs and the SEV metadata.
#pragma once

#include <algorithm>
#include <vector>

#include "abi/ovmf.hpp"
#include "base/byte_builder.hpp"

namespace extreq::attestation::test {

struct OvmfParts {
  struct Section {
    std::uint32_t gpa;
    std::uint32_t size;
    std::uint32_t type;
  };
  // Those of an AmdSev build of 2023: what the known measurements were computed with.
  std::vector<Section> sections{
      {0x800000, 0x9000, 1}, {0x80A000, 0x3000, 1},    {0x80D000, 0x1000, 2}, {0x80E000, 0x1000, 3},
      {0x80F000, 0x1000, 4}, {0x810000, 0x1000, 0x10}, {0x811000, 0xF000, 1}};
  std::uint32_t hash_table_gpa = 0x810C00;
  std::uint32_t reset_eip = 0x80B004;
  std::uint32_t metadata_version = 1;
  std::size_t size = 4096;
  std::uint8_t filling = 0;
};

inline void add_entry(ByteBuilder& table, const abi::ovmf::Guid& guid, ByteView data) {
  table.bytes(data).u16(static_cast<std::uint16_t>(data.size() + 18)).bytes(guid);
}

inline Bytes make_ovmf(const OvmfParts& parts) {
  namespace ovmf = abi::ovmf;
  ByteBuilder metadata;
  metadata.bytes(ovmf::metadata_signature)
      .u32(static_cast<std::uint32_t>(16 + 12 * parts.sections.size()))
      .u32(parts.metadata_version)
      .u32(static_cast<std::uint32_t>(parts.sections.size()));
  for (const auto& section : parts.sections) {
    metadata.u32(section.gpa).u32(section.size).u32(section.type);
  }
  constexpr std::uint32_t metadata_from_end = 0x600;
  ByteBuilder table;
  add_entry(table, ovmf::guid_sev_metadata, ByteBuilder().u32(metadata_from_end).view());
  add_entry(table, ovmf::guid_hash_table_area,
            ByteBuilder().u32(parts.hash_table_gpa).u32(0x400).view());
  add_entry(table, ovmf::Guid{1, 2, 3}, Bytes(5));
  add_entry(table, ovmf::guid_reset_block, ByteBuilder().u32(parts.reset_eip).view());
  table.u16(static_cast<std::uint16_t>(table.size() + 18)).bytes(ovmf::guid_footer);
  Bytes image(parts.size, parts.filling);
  const auto put = [&](std::size_t at, ByteView bytes) {
    std::ranges::copy(bytes, image.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(image.size() - metadata_from_end, metadata.view());
  put(image.size() - ovmf::footer_to_end - table.size(), table.view());
  return image;
}

}  // namespace extreq::attestation::test
