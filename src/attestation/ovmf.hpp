// OvmfImage: a guest's firmware image and what it says about its own launch (src/abi/ovmf.hpp,
// doc/measurement.md).
//
// An image is somebody else's file: parse() reads no byte outside it, takes time in proportion to
// its size, and bounds how much memory its sections may name.
// Lifetime: owns its bytes. Threading: const objects may be used from any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "abi/ovmf.hpp"
#include "base/bytes.hpp"

namespace extreq::attestation {

class OvmfImage {
 public:
  static constexpr std::size_t size_max = 64U << 20U;
  static constexpr std::size_t entries_max = 64;
  static constexpr std::size_t sections_max = 64;
  static constexpr std::uint64_t section_bytes_max = 256U << 20U;  // of all sections together

  struct Section {
    std::uint32_t gpa;
    std::uint32_t size;
    abi::ovmf::SectionType type;
  };

  // Failure: invalid_input, saying what is wrong: not whole pages; too large; no table of GUIDs, or
  // a broken one; metadata or a section outside the image or beyond the bounds above, not on page
  // boundaries, or over another section. unsupported: metadata of another version, or a section of
  // an unknown type: nobody can say how it is measured.
  [[nodiscard]] static Result<OvmfImage> parse(Bytes bytes);

  [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
  // Where the image begins: it ends at 4 GiB.
  [[nodiscard]] std::uint64_t gpa() const noexcept { return abi::ovmf::image_end - bytes_.size(); }

  // In the order of the metadata, which is that of the launch; empty without metadata.
  [[nodiscard]] const std::vector<Section>& sections() const noexcept { return sections_; }
  // Where the table of hashes goes; nullopt if the firmware looks at none.
  [[nodiscard]] std::optional<std::uint32_t> hash_table_gpa() const noexcept {
    return hash_table_gpa_;
  }
  // Where processors but the first start.
  [[nodiscard]] std::optional<std::uint32_t> reset_eip() const noexcept { return reset_eip_; }

 private:
  explicit OvmfImage(Bytes bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] Status read_table();
  [[nodiscard]] Status read_entry(const abi::ovmf::Guid& guid, ByteView data);
  [[nodiscard]] Status read_metadata(std::size_t from_end);
  [[nodiscard]] Status add_section(const abi::ovmf::MetadataSection& section);

  Bytes bytes_;
  std::vector<Section> sections_;
  std::optional<std::uint32_t> hash_table_gpa_;
  std::optional<std::uint32_t> reset_eip_;
  std::optional<std::uint32_t> metadata_from_end_;
};

}  // namespace extreq::attestation
