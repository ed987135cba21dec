// The byte types of the project, and the two ways to look at them: views never own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace extreq {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

// Lower-case hexadecimal, no separators.
[[nodiscard]] std::string to_hex(ByteView bytes);

// Accepts upper and lower case. invalid_input names the first wrong character and its position, or
// the odd length.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

// True if every byte is zero; true for none.
[[nodiscard]] bool all_zero(ByteView bytes) noexcept;

// Compares without an early exit: for authentication tags and keys. Different lengths are unequal.
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b) noexcept;

// The bytes of text, for hashing and files.
[[nodiscard]] Bytes to_bytes(std::string_view text);

}  // namespace extreq
