// From limbs of 64 bits, which GMP and hogweed use, to the kernel's limbs of 52.
#pragma once

#include "crypto/p384/kernel.hpp"
#include "crypto/p384_limbs.hpp"

namespace extreq::crypto::p384 {

// Bits 52 i to 52 i + 51, for i below field_limbs.
[[nodiscard]] inline std::uint64_t limb52(const P384Limbs& words, std::size_t i) noexcept {
  const std::size_t bit = i * field_limb_bits;
  std::uint64_t bits = words[bit / 64] >> (bit % 64);
  if (bit % 64 + field_limb_bits > 64 && bit / 64 + 1 < p384_limbs) {
    bits |= words[bit / 64 + 1] << (64 - bit % 64);
  }
  return bits & ((std::uint64_t{1} << field_limb_bits) - 1);
}

}  // namespace extreq::crypto::p384
