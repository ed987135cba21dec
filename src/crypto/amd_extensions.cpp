#include "crypto/amd_extensions.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include <fmt/core.h>

#include "crypto/der.hpp"

namespace extreq::crypto {
namespace {

constexpr std::uint8_t der_oid = 0x06;
constexpr std::size_t extensions_max = 32;
constexpr std::size_t key_identifier_size = 20;

// AMD's arc in front of its key service's extensions; at most four arcs follow, each of one byte.
constexpr std::array<std::uint8_t, 8> amd_arc = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
constexpr std::size_t amd_arcs_max = 4;

bool begins_with(ByteView bytes, ByteView start) noexcept {
  return bytes.size() >= start.size() && std::ranges::equal(bytes.first(start.size()), start);
}

// The text of an OID below AMD's arc (X.690 section 8.19); empty for another.
std::string amd_oid_text(ByteView oid) {
  if (!begins_with(oid, amd_arc) || oid.size() == amd_arc.size() ||
      oid.size() > amd_arc.size() + amd_arcs_max ||
      !std::ranges::all_of(oid.subspan(amd_arc.size()), [](auto arc) { return arc < 0x80; })) {
    return {};
  }
  std::string text = fmt::format("{}.{}", oid[0] / 40, oid[0] % 40);
  unsigned arc = 0;
  for (const std::uint8_t byte : oid.subspan(1)) {
    arc = arc << 7U | (byte & 0x7FU);
    if (byte >= 0x80) continue;
    text.append(".").append(std::to_string(arc));
    arc = 0;
  }
  return text;
}

// RFC 5280 section 4.2.1.9: a CA, with or without a path length.
bool read_basic_constraints(ByteView content, ParsedCertificate& parsed) {
  constexpr std::array<std::uint8_t, 5> ca = {0x30, 0x03, 0x01, 0x01, 0xff};
  constexpr std::array<std::uint8_t, 7> limited_ca = {0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01};
  parsed.ca = true;
  if (std::ranges::equal(content, ca)) return true;
  if (content.size() != limited_ca.size() + 1 || !begins_with(content, limited_ca) ||
      content.back() >= 0x80) {
    return false;
  }
  parsed.path_length = content.back();
  return true;
}

// Section 4.2.1.3: one byte of named bits. AMD's has unneeded trailing zero bits.
bool read_key_usage(ByteView content, ParsedCertificate& parsed) {
  if (content.size() != 4 || content[0] != der_bit_string || content[1] != 2 || content[2] > 7) {
    return false;
  }
  const std::uint8_t bits = content[3];
  if (bits == 0 || (bits & ((1U << content[2]) - 1U)) != 0) return false;
  parsed.key_usage = bits;
  return true;
}

// Section 4.2.1.2: a SHA-1.
bool read_subject_key_identifier(ByteView content, ParsedCertificate& /*parsed*/) {
  return content.size() == 2 + key_identifier_size && content[0] == der_octet_string &&
         content[1] == key_identifier_size;
}

// Section 4.2.1.1: a SHA-1 alone.
bool read_authority_key_identifier(ByteView content, ParsedCertificate& /*parsed*/) {
  constexpr std::array<std::uint8_t, 4> start = {0x30, key_identifier_size + 2, 0x80,
                                                 key_identifier_size};
  return content.size() == start.size() + key_identifier_size && begins_with(content, start);
}

// Section 4.2.1.13: one point, whose full name is one URI.
bool read_crl_distribution_points(ByteView content, ParsedCertificate& /*parsed*/) {
  constexpr std::uint8_t context_uri = 0x86;
  constexpr std::array<std::uint8_t, 5> nest = {der_sequence, der_sequence, der_context_0,
                                                der_context_0, context_uri};
  for (const std::uint8_t identifier : nest) {
    const auto element = take_strict_der(content, identifier);
    if (!element || !content.empty()) return false;
    content = element->content;
  }
  return !content.empty() &&
         std::ranges::all_of(content, [](std::uint8_t c) { return c > ' ' && c <= '~'; });
}

struct StandardExtension {
  std::uint8_t arc;  // under id-ce, 2.5.29
  std::string_view oid;
  bool (*read)(ByteView content, ParsedCertificate& parsed);
  bool may_be_critical;
};
constexpr std::array standard_extensions{
    StandardExtension{14, "2.5.29.14", &read_subject_key_identifier, false},
    StandardExtension{15, "2.5.29.15", &read_key_usage, true},
    StandardExtension{19, "2.5.29.19", &read_basic_constraints, true},
    StandardExtension{31, "2.5.29.31", &read_crl_distribution_points, false},
    StandardExtension{35, "2.5.29.35", &read_authority_key_identifier, false},
};

bool read_standard(ByteView oid, CertificateExtension& extension, ParsedCertificate& parsed) {
  if (oid.size() != 3 || oid[0] != 0x55 || oid[1] != 0x1d) return false;
  const auto* const kind = std::ranges::find(standard_extensions, oid[2], &StandardExtension::arc);
  if (kind == standard_extensions.end() || (extension.critical && !kind->may_be_critical)) {
    return false;
  }
  extension.oid = kind->oid;
  return kind->read(extension.content, parsed);
}

bool read_extension(ByteView& rest, ParsedCertificate& parsed) {
  constexpr std::array<std::uint8_t, 3> critical = {der_boolean, 0x01, 0xff};
  auto whole = take_strict_der(rest, der_sequence);
  if (!whole) return false;
  ByteView& fields = whole->content;
  const auto oid = take_strict_der(fields, der_oid);
  CertificateExtension extension;
  if (begins_with(fields, critical)) {
    extension.critical = true;
    fields = fields.subspan(critical.size());
  }
  const auto content = take_strict_der(fields, der_octet_string);
  if (!oid || !content || !fields.empty()) return false;
  extension.content.assign(content->content.begin(), content->content.end());
  extension.oid = amd_oid_text(oid->content);
  const bool known =
      extension.oid.empty() ? read_standard(oid->content, extension, parsed) : !extension.critical;
  const bool twice = std::ranges::any_of(
      parsed.extensions, [&](const auto& other) { return other.oid == extension.oid; });
  if (!known || twice) return false;
  parsed.extensions.push_back(std::move(extension));
  return true;
}

}  // namespace

bool read_amd_extensions(ByteView content, ParsedCertificate& parsed) {
  parsed.key_usage = std::numeric_limits<std::uint32_t>::max();
  if (content.empty()) return false;
  while (!content.empty()) {
    if (parsed.extensions.size() == extensions_max || !read_extension(content, parsed)) {
      return false;
    }
  }
  return true;
}

}  // namespace extreq::crypto
