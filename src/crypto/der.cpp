#include "crypto/der.hpp"

#include "base/byte_reader.hpp"

namespace extreq::crypto {

std::optional<DerElement> take_der(ByteView& rest) noexcept {
  ByteReader reader(rest);
  const auto identifier = reader.u8();
  const auto first = reader.u8();
  constexpr std::uint8_t long_tag = 0x1F;
  if (!identifier || !first || (*identifier & long_tag) == long_tag) return std::nullopt;
  std::size_t length = *first;
  if (*first >= 0x80) {
    // Long form: the low bits count the length's octets. 0x80 is the indefinite form, not DER.
    const std::size_t octets = *first & 0x7FU;
    if (octets == 0 || octets > 4) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) {
      const auto octet = reader.u8();
      if (!octet) return std::nullopt;
      length = length << 8U | *octet;
    }
  }
  const auto content = reader.view(length);
  if (!content) return std::nullopt;
  const ByteView whole = rest.first(reader.position());
  rest = rest.subspan(reader.position());
  return DerElement{*identifier, whole, *content};
}

std::optional<DerElement> take_strict_der(ByteView& rest, std::uint8_t identifier) noexcept {
  ByteView after = rest;
  const auto element = take_der(after);
  if (!element || element->identifier != identifier) return std::nullopt;
  std::size_t length_size = 1;
  const std::size_t length = element->content.size();
  if (length >= 0x80) {
    for (std::size_t left = length; left != 0; left >>= 8U) ++length_size;
  }
  if (element->whole.size() != 1 + length_size + length) return std::nullopt;
  rest = after;
  return element;
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
