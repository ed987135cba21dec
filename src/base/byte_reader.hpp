// ByteReader: the one way to read foreign bytes.
//
// Effect: a cursor over a view. Each read checks the length and advances, or answers nullopt and
// moves nothing. It cannot run past the end.
// Lifetime: the viewed bytes must outlive the reader and the views it hands out.
// Threading: one reader, one thread. Bytes that others may change must be copied first.
#pragma once

#include <cstring>
#include <optional>
#include <type_traits>

#include "base/bytes.hpp"

namespace extreq {

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }
  [[nodiscard]] bool empty() const noexcept { return remaining() == 0; }

  // A layout of src/abi: trivially copyable, alignment 1, so its size is its length on the wire.
  template <class Layout>
  [[nodiscard]] std::optional<Layout> object() noexcept {
    static_assert(std::is_trivially_copyable_v<Layout> && alignof(Layout) == 1);
    if (remaining() < sizeof(Layout)) return std::nullopt;
    Layout value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(Layout));
    position_ += sizeof(Layout);
    return value;
  }

  [[nodiscard]] std::optional<std::uint8_t> u8() noexcept { return little<std::uint8_t>(); }
  [[nodiscard]] std::optional<std::uint16_t> u16() noexcept { return little<std::uint16_t>(); }
  [[nodiscard]] std::optional<std::uint32_t> u32() noexcept { return little<std::uint32_t>(); }
  [[nodiscard]] std::optional<std::uint64_t> u64() noexcept { return little<std::uint64_t>(); }

  [[nodiscard]] std::optional<ByteView> view(std::size_t length) noexcept {
    if (remaining() < length) return std::nullopt;
    const ByteView result = bytes_.subspan(position_, length);
    position_ += length;
    return result;
  }

  [[nodiscard]] bool skip(std::size_t length) noexcept { return view(length).has_value(); }

 private:
  template <class Integer>
  [[nodiscard]] std::optional<Integer> little() noexcept {
    const auto bytes = view(sizeof(Integer));
    if (!bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      value |= std::uint64_t{(*bytes)[i]} << (8 * i);
    }
    return static_cast<Integer>(value);
  }

  ByteView bytes_;
  std::size_t position_ = 0;
};

}  // namespace extreq
