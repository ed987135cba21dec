#include "attestation/trust_anchors.hpp"

#include <algorithm>
#include <array>

namespace extreq::attestation {
namespace {

struct PinnedRoot {
  std::string_view name;
  crypto::Sha256Digest sha256;
};

// As AMD's key service serves them under /vcek/v1/{product}/cert_chain and /vlek/... alike.
constexpr std::array pinned_roots{
    PinnedRoot{"ARK-Milan", {0x69, 0xd0, 0x63, 0xb4, 0x53, 0x44, 0xd2, 0x6a, 0x2e, 0x94, 0xe1,
                             0xf4, 0x21, 0x0d, 0xe4, 0x9e, 0xf5, 0x55, 0x30, 0x82, 0x87, 0xd4,
                             0xc1, 0x74, 0x44, 0x5c, 0x95, 0x63, 0x9a, 0x54, 0x0b, 0xcd}},
    PinnedRoot{"ARK-Genoa", {0x4c, 0x65, 0x98, 0xd1, 0x9c, 0x18, 0x71, 0x9c, 0x5d, 0xfd, 0x4a,
                             0x7d, 0x33, 0x5f, 0x67, 0x4e, 0x5b, 0xfe, 0x1d, 0x8f, 0x80, 0x0c,
                             0xea, 0x2c, 0xf2, 0x70, 0xc1, 0x0d, 0x10, 0x3d, 0xb2, 0xf1}},
    PinnedRoot{"ARK-Turin", {0x1f, 0x08, 0x41, 0x61, 0xa4, 0x4b, 0xb6, 0xd9, 0x37, 0x78, 0xa9,
                             0x04, 0x87, 0x7d, 0x48, 0x19, 0xca, 0xfa, 0x5d, 0x05, 0xef, 0x41,
                             0x93, 0xb2, 0xde, 0xd9, 0xdd, 0x9c, 0x73, 0xdd, 0x3f, 0x6a}},
};

}  // namespace

Status TrustAnchors::add(const crypto::Certificate& root) {
  if (!root.issued_by_name(root)) {
    return fail(Code::invalid_input, "\"{}\" is no root: its issuer is \"{}\"", root.subject(),
                root.issuer());
  }
  named_.push_back(root);
  return {};
}

std::optional<TrustAnchors::Kind> TrustAnchors::find(const crypto::Certificate& root) const {
  if (amd_root_name(root)) return Kind::amd;
  if (std::ranges::find(named_, root) != named_.end()) return Kind::named;
  return std::nullopt;
}

std::optional<std::string_view> amd_root_name(const crypto::Certificate& certificate) {
  const auto digest = crypto::sha256(certificate.der());
  const auto* const found = std::ranges::find(pinned_roots, digest, &PinnedRoot::sha256);
  if (found == pinned_roots.end()) return std::nullopt;
  return found->name;
}

}  // namespace extreq::attestation
