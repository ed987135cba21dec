#include "base/base64.hpp"

#include <algorithm>
#include <optional>

namespace extreq {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::uint32_t> digit_of(char character) {
  if (character == '-') character = '+';
  if (character == '_') character = '/';
  const auto at = alphabet.find(character);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(at);
}

// Failure: invalid_input if there is padding, and not to a multiple of four.
Result<std::string_view> without_padding(std::string_view text) {
  const auto end = text.find_last_not_of('=') + 1;
  const auto padding = text.size() - end;
  if (padding != 0 && (padding > 2 || text.size() % 4 != 0)) {
    return fail(Code::invalid_input, "base64: padding of {} characters behind {}", padding, end);
  }
  return text.substr(0, end);
}

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8U | (i < bytes.size() ? bytes[i] : 0U);
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= bytes.size() ? alphabet[group >> (18 - 6 * i) & 0x3FU] : '=';
    }
  }
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  const auto digits = without_padding(text);
  if (!digits) return tl::unexpected(digits.error());
  if (digits->size() % 4 == 1) {
    return fail(Code::invalid_input, "base64: no bytes have {} digits", digits->size());
  }
  Bytes bytes;
  bytes.reserve(digits->size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (std::size_t i = 0; i < digits->size(); ++i) {
    const auto digit = digit_of((*digits)[i]);
    if (!digit) {
      return fail(Code::invalid_input, "base64: character {:#04x} at position {}",
                  static_cast<unsigned char>((*digits)[i]), i);
    }
    bits = (bits << 6U | *digit) & 0xFFFFU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  if ((bits & ((1U << count) - 1U)) != 0) {
    return fail(Code::invalid_input, "base64: bits behind the last byte are not zero");
  }
  return bytes;
}

}  // namespace extreq
