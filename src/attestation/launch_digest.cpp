#include "attestation/launch_digest.hpp"

#include "base/byte_builder.hpp"

namespace extreq::attestation {
namespace {

bool contents_are_measured(abi::snp::PageType type) noexcept {
  return type == abi::snp::PageType::normal || type == abi::snp::PageType::vmsa;
}

}  // namespace

void LaunchDigest::add_page(abi::snp::PageType type, std::uint64_t gpa,
                            std::span<const std::uint8_t, abi::snp::page_size> contents,
                            const Attributes& attributes) {
  abi::snp::PageInfo info;
  info.digest_cur = digest_;
  if (contents_are_measured(type)) info.contents = crypto::sha384(contents);
  info.length = static_cast<std::uint16_t>(sizeof(info));
  info.page_type = static_cast<std::uint8_t>(type);
  info.imi_page = attributes.imi_page ? 1 : 0;
  info.vmpl3_perms = attributes.vmpl3_perms;
  info.vmpl2_perms = attributes.vmpl2_perms;
  info.vmpl1_perms = attributes.vmpl1_perms;
  info.gpa = gpa;
  ByteBuilder bytes(sizeof(info));
  bytes.object(info);
  digest_ = crypto::sha384(bytes.view());
}

}  // namespace extreq::attestation
