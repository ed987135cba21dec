// ByteBuilder: the one way to write bytes for somebody else. All integers go out little-endian.
//
// Effect: appends to bytes that it owns; take() hands them over and leaves the builder empty.
// Threading: one builder, one thread.
#pragma once

#include <cstring>
#include <type_traits>
#include <utility>

#include "base/bytes.hpp"

namespace extreq {

class ByteBuilder {
 public:
  ByteBuilder() = default;
  explicit ByteBuilder(std::size_t expected_size) { bytes_.reserve(expected_size); }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] ByteView view() const noexcept { return bytes_; }

  // A layout of src/abi: trivially copyable, alignment 1.
  template <class Layout>
  ByteBuilder& object(const Layout& value) {
    static_assert(std::is_trivially_copyable_v<Layout> && alignof(Layout) == 1);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(Layout));
    std::memcpy(bytes_.data() + at, &value, sizeof(Layout));
    return *this;
  }

  ByteBuilder& u8(std::uint8_t value) { return little(value); }
  ByteBuilder& u16(std::uint16_t value) { return little(value); }
  ByteBuilder& u32(std::uint32_t value) { return little(value); }
  ByteBuilder& u64(std::uint64_t value) { return little(value); }

  ByteBuilder& bytes(ByteView value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }

  ByteBuilder& zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }

  [[nodiscard]] Bytes take() noexcept { return std::exchange(bytes_, {}); }

 private:
  template <class Integer>
  ByteBuilder& little(Integer value) {
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      bytes_.push_back(static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * i)));
    }
    return *this;
  }

  Bytes bytes_;
};

}  // namespace extreq
