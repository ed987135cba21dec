#include "attestation/model_mark.hpp"

#include <algorithm>
#include <array>

namespace extreq::attestation {
namespace {

// AttributeType organizationName, 2.5.4.10 (RFC 5280 appendix A.1), as a DER element.
constexpr std::array<std::uint8_t, 5> organization_name = {0x06, 0x03, 0x55, 0x04, 0x0A};
constexpr std::array<std::uint8_t, 2> string_tags = {0x0C, 0x13};  // UTF8String, PrintableString

}  // namespace

bool is_model_certificate(const crypto::Certificate& certificate) {
  const Bytes& name = certificate.issuer_der();
  return std::ranges::any_of(string_tags, [&](std::uint8_t tag) {
    Bytes attribute(organization_name.begin(), organization_name.end());
    attribute.push_back(tag);
    attribute.push_back(static_cast<std::uint8_t>(model_organization.size()));
    attribute.insert(attribute.end(), model_organization.begin(), model_organization.end());
    return std::search(name.begin(), name.end(), attribute.begin(), attribute.end()) != name.end();
  });
}

}  // namespace extreq::attestation
