// How Linux numbers its ioctls on x86.
//
// Owner: Linux, include/uapi/asm-generic/ioctl.h. Bits 7:0 number, 15:8 type, 29:16 size of the
// argument, 31:30 direction as user space sees it. Definitions only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace extreq::abi::ioctl {

inline constexpr std::uint32_t direction_none = 0;
inline constexpr std::uint32_t direction_write = 1;
inline constexpr std::uint32_t direction_read = 2;
inline constexpr std::size_t size_max = (1U << 14) - 1;

[[nodiscard]] constexpr std::uint32_t number(std::uint32_t direction, std::uint8_t type,
                                             std::uint8_t nr, std::size_t size) noexcept {
  return direction << 30 | static_cast<std::uint32_t>(size) << 16 | std::uint32_t{type} << 8 | nr;
}

// _IO, _IOW, _IOR and _IOWR.
[[nodiscard]] constexpr std::uint32_t io(std::uint8_t type, std::uint8_t nr) noexcept {
  return number(direction_none, type, nr, 0);
}
template <class Argument>
[[nodiscard]] constexpr std::uint32_t iow(std::uint8_t type, std::uint8_t nr) noexcept {
  static_assert(sizeof(Argument) <= size_max);
  return number(direction_write, type, nr, sizeof(Argument));
}
template <class Argument>
[[nodiscard]] constexpr std::uint32_t ior(std::uint8_t type, std::uint8_t nr) noexcept {
  static_assert(sizeof(Argument) <= size_max);
  return number(direction_read, type, nr, sizeof(Argument));
}
template <class Argument>
[[nodiscard]] constexpr std::uint32_t iowr(std::uint8_t type, std::uint8_t nr) noexcept {
  static_assert(sizeof(Argument) <= size_max);
  return number(direction_read | direction_write, type, nr, sizeof(Argument));
}

}  // namespace extreq::abi::ioctl
