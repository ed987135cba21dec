#include "crypto/amd_extensions.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/try.hpp"
#include "crypto/der.hpp"

namespace extreq::crypto {
namespace {

constexpr std::size_t extensions_max = 32;
constexpr std::string_view list_name = "the certificate's list of extensions";

constexpr std::string_view oid_key_usage = "2.5.29.15";
constexpr std::string_view oid_basic_constraints = "2.5.29.19";

bool begins_with(ByteView bytes, ByteView start) noexcept {
  return bytes.size() >= start.size() && std::ranges::equal(bytes.first(start.size()), start);
}

// RFC 5280 section 4.2.1.9: no CA (the default is not written), or one with or without a path
// length.
Status read_basic_constraints(ByteView content, ParsedCertificate& parsed) {
  constexpr std::array<std::uint8_t, 2> no_ca = {0x30, 0x00};
  constexpr std::array<std::uint8_t, 5> ca = {0x30, 0x03, 0x01, 0x01, 0xff};
  constexpr std::array<std::uint8_t, 7> limited_ca = {0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01};
  if (std::ranges::equal(content, no_ca)) return {};
  parsed.ca = true;
  if (std::ranges::equal(content, ca)) return {};
  if (content.size() != limited_ca.size() + 1 || !begins_with(content, limited_ca) ||
      content.back() >= 0x80) {
    return fail(Code::invalid_input,
                "the certificate's basicConstraints are {}, expected {}, {} or {} and a path "
                "length up to 127",
                shown_der(content), to_hex(no_ca), to_hex(ca), to_hex(limited_ca));
  }
  parsed.path_length = content.back();
  return {};
}

// Section 4.2.1.3: one byte of named bits. AMD's has unneeded trailing zero bits.
Status read_key_usage(ByteView content, ParsedCertificate& parsed) {
  if (content.size() != 4 || content[0] != der_bit_string || content[1] != 2 || content[2] > 7 ||
      content[3] == 0 || (content[3] & ((1U << content[2]) - 1U)) != 0) {
    return fail(Code::invalid_input,
                "the certificate's keyUsage is {}, expected a BIT STRING of 1 to 8 bits, not all "
                "of them 0",
                shown_der(content));
  }
  parsed.key_usage = content[3];
  return {};
}

Result<CertificateExtension> read_extension(ByteView& rest) {
  constexpr std::array<std::uint8_t, 3> critical = {der_boolean, 0x01, 0xff};
  EXTREQ_TRY_ASSIGN(const auto whole, read_der(rest, der_sequence, list_name));
  ByteView fields = whole.content;
  EXTREQ_TRY_ASSIGN(const auto oid, read_der(fields, der_oid, list_name));
  auto text = oid_text(oid.content);
  if (!text) {
    return fail(Code::invalid_input,
                "the certificate has an extension whose object identifier {} is not in DER, or has "
                "more than 32 bytes",
                shown_der(oid.content));
  }
  const bool is_critical = begins_with(fields, critical);
  if (is_critical) fields = fields.subspan(critical.size());
  EXTREQ_TRY_ASSIGN(const auto content, read_der(fields, der_octet_string, list_name));
  EXTREQ_TRY(check_der_end(fields, list_name));
  return CertificateExtension{*std::move(text), is_critical,
                              Bytes(content.content.begin(), content.content.end())};
}

Status process(const CertificateExtension& extension, ParsedCertificate& parsed) {
  if (extension.oid == oid_basic_constraints) {
    return read_basic_constraints(extension.content, parsed);
  }
  if (extension.oid == oid_key_usage) return read_key_usage(extension.content, parsed);
  if (!extension.critical) return {};
  return fail(Code::invalid_input,
              "the certificate has the critical extension {}, expected none but basicConstraints "
              "and keyUsage: others are not processed",
              extension.oid);
}

}  // namespace

Status read_extensions(ByteView content, ParsedCertificate& parsed) {
  do {
    if (parsed.extensions.size() == extensions_max) {
      return fail(Code::invalid_input, "the certificate has more than {} extensions",
                  extensions_max);
    }
    EXTREQ_TRY_ASSIGN(auto extension, read_extension(content));
    if (std::ranges::find(parsed.extensions, extension.oid, &CertificateExtension::oid) !=
        parsed.extensions.end()) {
      return fail(Code::invalid_input, "the certificate has the extension {} twice", extension.oid);
    }
    EXTREQ_TRY(process(extension, parsed));
    parsed.extensions.push_back(std::move(extension));
  } while (!content.empty());
  return {};
}

}  // namespace extreq::crypto
