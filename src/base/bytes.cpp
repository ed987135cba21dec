#include "base/bytes.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/printable.hpp"

namespace extreq {
namespace {

std::optional<std::uint8_t> nibble(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4U]);
    text.push_back(digits[byte & 0xFU]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return fail(Code::invalid_input, "hexadecimal text has {} digits, an even number is needed",
                text.size());
  }
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = nibble(text[i]);
    const auto low = nibble(text[i + 1]);
    if (!high || !low) {
      const std::size_t at = high ? i + 1 : i;
      return fail(Code::invalid_input, "'{}' at position {} is not a hexadecimal digit",
                  printable(text.substr(at, 1)), at);
    }
    bytes.push_back(static_cast<std::uint8_t>(*high << 4U | *low));
  }
  return bytes;
}

bool all_zero(ByteView bytes) noexcept {
  // All are zero if the first is, and each is as its neighbour.
  return bytes.empty() ||
         (bytes.front() == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

bool equal_constant_time(ByteView a, ByteView b) noexcept {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace extreq
