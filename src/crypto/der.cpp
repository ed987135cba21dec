#include "crypto/der.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/byte_reader.hpp"

namespace extreq::crypto {

std::optional<DerElement> take_strict_der(ByteView& rest, std::uint8_t identifier) noexcept {
  ByteReader reader(rest);
  if (reader.u8() != identifier) return std::nullopt;
  const auto first = reader.u8();
  if (!first) return std::nullopt;
  std::size_t length = *first;
  if (length >= 0x80) {
    // Long form: the low bits count the length's octets. 0x80 is the indefinite form.
    const std::size_t octets = length & 0x7FU;
    if (octets == 0 || octets > 4) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) {
      const auto octet = reader.u8();
      if (!octet) return std::nullopt;
      length = length << 8U | *octet;
    }
    if (length < 0x80 || length >> (8 * (octets - 1)) == 0) return std::nullopt;
  }
  const auto content = reader.view(length);
  if (!content) return std::nullopt;
  const ByteView whole = rest.first(reader.position());
  rest = rest.subspan(reader.position());
  return DerElement{whole, *content};
}

Result<DerElement> read_der(ByteView& rest, std::uint8_t identifier, std::string_view what) {
  if (const auto element = take_strict_der(rest, identifier)) return *element;
  return fail(Code::invalid_input,
              "{}: found {}, expected DER with the identifier {:#04x} and a whole element behind "
              "its shortest length",
              what, shown_der(rest), identifier);
}

Status check_der_end(ByteView rest, std::string_view what) {
  if (rest.empty()) return {};
  return fail(Code::invalid_input, "{}: {} bytes too many at its end, {}", what, rest.size(),
              shown_der(rest));
}

std::optional<std::string> oid_text(ByteView content) {
  constexpr std::size_t size_max = 32;
  constexpr std::uint64_t shift_max = std::numeric_limits<std::uint64_t>::max() >> 8U;
  if (content.empty() || content.size() > size_max || content.back() >= 0x80) return std::nullopt;
  std::string text;
  std::uint64_t arc = 0;
  for (const std::uint8_t byte : content) {
    if ((arc == 0 && byte == 0x80) || arc > shift_max) return std::nullopt;
    arc = arc << 7U | (byte & 0x7FU);
    if (byte >= 0x80) continue;
    if (text.empty()) {
      const std::uint64_t top = std::min<std::uint64_t>(arc / 40, 2);
      text = std::to_string(top);
      arc -= 40 * top;
    }
    text.append(".").append(std::to_string(arc));
    arc = 0;
  }
  return text;
}

std::string shown_der(ByteView bytes) {
  constexpr std::size_t most = 16;
  if (bytes.empty()) return "nothing";
  if (bytes.size() <= most) return to_hex(bytes);
  return fmt::format("{}... ({} bytes)", to_hex(bytes.first(most)), bytes.size());
}

Bytes make_der(std::uint8_t identifier, std::initializer_list<ByteView> parts) {
  std::size_t length = 0;
  for (const ByteView part : parts) length += part.size();
  Bytes result{identifier};
  if (length < 0x80) {
    result.push_back(static_cast<std::uint8_t>(length));
  } else {
    std::size_t octets = 1;
    while (length >> (8 * octets) != 0) ++octets;
    result.push_back(static_cast<std::uint8_t>(0x80U | octets));
    for (std::size_t i = octets; i-- > 0;) {
      result.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
    }
  }
  result.reserve(result.size() + length);
  for (const ByteView part : parts) result.insert(result.end(), part.begin(), part.end());
  return result;
}

}  // namespace extreq::crypto
