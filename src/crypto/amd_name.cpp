#include "crypto/amd_name.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "crypto/der.hpp"

namespace extreq::crypto {
namespace {

constexpr std::uint8_t der_oid = 0x06;
constexpr std::uint8_t der_set = 0x31;
constexpr std::uint8_t der_utf8_string = 0x0C;
constexpr std::uint8_t der_printable_string = 0x13;
constexpr std::size_t attributes_max = 16;

struct AttributeType {
  std::uint8_t arc;  // under id-at, 2.5.4
  std::string_view name;
};
constexpr std::array attribute_types{AttributeType{3, "CN"}, AttributeType{6, "C"},
                                     AttributeType{7, "L"},  AttributeType{8, "ST"},
                                     AttributeType{10, "O"}, AttributeType{11, "OU"}};

const AttributeType* attribute_type(ByteView oid) noexcept {
  if (oid.size() != 3 || oid[0] != 0x55 || oid[1] != 0x04) return nullptr;
  const auto* const found = std::ranges::find(attribute_types, oid[2], &AttributeType::arc);
  return found == attribute_types.end() ? nullptr : found;
}

// Characters that stand for themselves when a name is printed, and the comma, which takes quotes
// around the value (RFC 2253 section 2.4). Every other one is left to OpenSSL.
bool is_plain(std::uint8_t c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' ||
         c == '-' || c == '.' || c == '(' || c == ')' || c == ',';
}

bool is_plain_text(ByteView value) noexcept {
  return !value.empty() && value.front() != ' ' && value.back() != ' ' &&
         std::ranges::all_of(value, is_plain);
}

}  // namespace

std::optional<AmdName> take_amd_name(ByteView& rest) {
  const auto name = take_strict_der(rest, der_sequence);
  if (!name) return std::nullopt;
  AmdName result;
  ByteView attributes = name->content;
  for (std::size_t count = 0; !attributes.empty(); ++count) {
    auto set = take_strict_der(attributes, der_set);
    if (!set || count == attributes_max) return std::nullopt;
    auto pair = take_strict_der(set->content, der_sequence);
    if (!pair || !set->content.empty()) return std::nullopt;
    const auto oid = take_strict_der(pair->content, der_oid);
    auto value = take_strict_der(pair->content, der_utf8_string);
    if (!value) value = take_strict_der(pair->content, der_printable_string);
    const AttributeType* const type = oid ? attribute_type(oid->content) : nullptr;
    if (type == nullptr || !value || !pair->content.empty() || !is_plain_text(value->content)) {
      return std::nullopt;
    }
    const std::string text(value->content.begin(), value->content.end());
    if (type->name == "CN") {
      if (!result.common_name.empty()) return std::nullopt;
      result.common_name = text;
    }
    const std::string_view quote = text.find(',') == std::string::npos ? "" : "\"";
    if (!result.text.empty()) result.text += ", ";
    result.text.append(type->name).append(" = ").append(quote).append(text).append(quote);
  }
  result.der.assign(name->whole.begin(), name->whole.end());
  return result;
}

}  // namespace extreq::crypto
