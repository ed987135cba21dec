// Secret<N>: N bytes of key material, wiped when they are no longer needed.
//
// Effect: the bytes are overwritten in the destructor, by wipe(), and in the object moved from.
// Copies are explicit (clone), so that every place that holds a key can be found. There is no
// stream or format output on purpose.
// Threading: a value; synchronise as for an array.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace extreq {

// Overwrites bytes in a way that the compiler may not leave out.
void wipe(std::span<std::uint8_t> bytes) noexcept;

template <std::size_t N>
class Secret {
 public:
  Secret() noexcept = default;
  explicit Secret(std::span<const std::uint8_t, N> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  ~Secret() { wipe(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }

  [[nodiscard]] Secret clone() const noexcept { return Secret(view()); }
  [[nodiscard]] std::span<const std::uint8_t, N> view() const noexcept { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, N> mutable_view() noexcept { return bytes_; }
  void wipe() noexcept { extreq::wipe(bytes_); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace extreq
