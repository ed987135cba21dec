// Byte order as a type: a field of a wire layout says what it is, and no code swaps.
//
// Le<U> holds sizeof(U) bytes, least significant first, with alignment 1, so that a struct of them
// has exactly the size and offsets of the format. It converts from and to U.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace extreq::abi {

template <class U>
class Le {
 public:
  constexpr Le() noexcept = default;
  // Implicit on purpose: a field is assigned and read like the integer that it stands for.
  constexpr Le(U value) noexcept {  // NOLINT(google-explicit-constructor)
    for (std::size_t i = 0; i < sizeof(U); ++i) {
      bytes_[i] = static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i));
    }
  }
  constexpr operator U() const noexcept {  // NOLINT(google-explicit-constructor)
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i) value |= std::uint64_t{bytes_[i]} << (8 * i);
    return static_cast<U>(value);
  }
  [[nodiscard]] constexpr U get() const noexcept { return *this; }

 private:
  std::array<std::uint8_t, sizeof(U)> bytes_{};
};

using Le16 = Le<std::uint16_t>;
using Le32 = Le<std::uint32_t>;
using Le64 = Le<std::uint64_t>;
using U8 = std::uint8_t;

template <std::size_t N>
using ByteArray = std::array<std::uint8_t, N>;

static_assert(sizeof(Le16) == 2 && sizeof(Le32) == 4 && sizeof(Le64) == 8);
static_assert(alignof(Le16) == 1 && alignof(Le32) == 1 && alignof(Le64) == 1);

}  // namespace extreq::abi
