// LaunchDigest: the MEASUREMENT of a guest, page by page (document 56860, "SNP_LAUNCH_UPDATE",
// PAGE_INFO).
//
// Effect: starts as 48 zero bytes; each page replaces the digest by the SHA-384 of a PAGE_INFO that
// holds the digest so far. The order of the pages counts.
// Threading: a value; synchronise as for an array.
#pragma once

#include <cstdint>
#include <span>

#include "abi/snp_firmware.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation {

class LaunchDigest {
 public:
  struct Attributes {
    bool imi_page = false;
    std::uint8_t vmpl1_perms = 0;
    std::uint8_t vmpl2_perms = 0;
    std::uint8_t vmpl3_perms = 0;
  };

  LaunchDigest() = default;
  // Goes on behind pages that somebody else has measured.
  explicit LaunchDigest(const crypto::Sha384Digest& so_far) noexcept : digest_(so_far) {}

  // `gpa` is what the firmware measures: for a VMSA page abi::snp::vmsa_gpa, wherever it lies. The
  // contents count for normal and VMSA pages only; the other types measure 48 zero bytes instead.
  void add_page(abi::snp::PageType type, std::uint64_t gpa,
                std::span<const std::uint8_t, abi::snp::page_size> contents,
                const Attributes& attributes);
  void add_page(abi::snp::PageType type, std::uint64_t gpa,
                std::span<const std::uint8_t, abi::snp::page_size> contents) {
    add_page(type, gpa, contents, Attributes{});
  }

  [[nodiscard]] const crypto::Sha384Digest& digest() const noexcept { return digest_; }

 private:
  crypto::Sha384Digest digest_{};
};

}  // namespace extreq::attestation
