#include "crypto/amd_name.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/try.hpp"
#include "crypto/der.hpp"

namespace extreq::crypto {
namespace {

constexpr std::size_t attributes_max = 16;
constexpr std::size_t value_max = 128;  // RFC 5280 appendix A.1: the longest of these types

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
// around the value (RFC 2253 section 2.4). All of them may stand in a PrintableString.
bool is_plain(std::uint8_t c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' ||
         c == '-' || c == '.' || c == '(' || c == ')' || c == ',';
}

bool is_plain_text(ByteView value) noexcept {
  return !value.empty() && value.size() <= value_max && value.front() != ' ' &&
         value.back() != ' ' && std::ranges::all_of(value, is_plain);
}

// One RelativeDistinguishedName.
Status take_attribute(ByteView& rest, std::string_view what, AmdName& name) {
  EXTREQ_TRY_ASSIGN(auto set, read_der(rest, der_set, what));
  EXTREQ_TRY_ASSIGN(auto pair, read_der(set.content, der_sequence, what));
  EXTREQ_TRY(check_der_end(set.content, what));
  EXTREQ_TRY_ASSIGN(const auto oid, read_der(pair.content, der_oid, what));
  const AttributeType* const type = attribute_type(oid.content);
  if (type == nullptr) {
    return fail(Code::invalid_input,
                "{} has an attribute of the type {}, expected CN, C, L, ST, O or OU", what,
                oid_text(oid.content).value_or("?"));
  }
  auto value = take_strict_der(pair.content, der_utf8_string);
  if (!value) value = take_strict_der(pair.content, der_printable_string);
  if (!value || !is_plain_text(value->content)) {
    return fail(Code::invalid_input,
                "{} has a {} that is not a UTF8String or PrintableString of 1 to {} letters, "
                "digits, spaces and -.,()",
                what, type->name, value_max);
  }
  EXTREQ_TRY(check_der_end(pair.content, what));
  const std::string text(value->content.begin(), value->content.end());
  if (type->name == "CN") {
    if (!name.common_name.empty()) return fail(Code::invalid_input, "{} has two CNs", what);
    name.common_name = text;
  }
  const std::string_view quote = text.find(',') == std::string::npos ? "" : "\"";
  if (!name.text.empty()) name.text += ", ";
  name.text.append(type->name).append(" = ").append(quote).append(text).append(quote);
  return {};
}

}  // namespace

Result<AmdName> take_amd_name(ByteView& rest, std::string_view what) {
  EXTREQ_TRY_ASSIGN(const auto name, read_der(rest, der_sequence, what));
  AmdName result;
  ByteView attributes = name.content;
  for (std::size_t count = 0; !attributes.empty(); ++count) {
    if (count == attributes_max) {
      return fail(Code::invalid_input, "{} has more than {} attributes", what, attributes_max);
    }
    EXTREQ_TRY(take_attribute(attributes, what, result));
  }
  result.der.assign(name.whole.begin(), name.whole.end());
  return result;
}

}  // namespace extreq::crypto
