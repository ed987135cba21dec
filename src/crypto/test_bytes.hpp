// Known answers as text, for the tests of this folder.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "base/bytes.hpp"

namespace extreq::crypto {

inline Bytes hex(std::string_view text) { return from_hex(text).value(); }

template <std::size_t N>
std::array<std::uint8_t, N> hex_array(std::string_view text) {
  const Bytes bytes = hex(text);
  if (bytes.size() != N) throw std::invalid_argument("a known answer of the wrong length");
  std::array<std::uint8_t, N> result;
  std::ranges::copy(bytes, result.begin());
  return result;
}

}  // namespace extreq::crypto
