// P-384 integers in the form that GMP and hogweed compute with: six limbs, the least significant
// first. Internal to src/crypto/.
#pragma once

#include <array>
#include <cstring>
#include <type_traits>
#include <vector>

#include <gmp.h>

#include "crypto/ecdsa_p384.hpp"

namespace extreq::crypto {

static_assert(std::is_same_v<mp_limb_t, std::uint64_t> && GMP_NUMB_BITS == 64,
              "the limbs of GMP must be 64 full bits");

constexpr std::size_t p384_limbs = 6;
using P384Limbs = std::array<mp_limb_t, p384_limbs>;

// The order n of the base point (SP 800-186 section 3.2.1.4).
inline constexpr P384Limbs p384_order = {0xecec196accc52973, 0x581a0db248b0a77a,
                                         0xc7634d81f4372ddf, 0xffffffffffffffff,
                                         0xffffffffffffffff, 0xffffffffffffffff};

// Big-endian bytes to limbs; `limbs.size()` times 8 is `bytes.size()`.
inline void load_big_endian(ByteView bytes, std::span<mp_limb_t> limbs) noexcept {
  for (std::size_t i = 0; i < limbs.size(); ++i) {
    mp_limb_t limb = 0;
    for (std::size_t k = 0; k < 8; ++k) limb = limb << 8U | bytes[8 * (limbs.size() - 1 - i) + k];
    limbs[i] = limb;
  }
}

inline void store_big_endian(const P384Limbs& limbs,
                             std::span<std::uint8_t, p384_size> bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[bytes.size() - 1 - i] = static_cast<std::uint8_t>(limbs[i / 8] >> (8 * (i % 8)));
  }
}

// What remains of a below 2n modulo n, such as of a digest of 384 bits. Variable time.
[[nodiscard]] inline P384Limbs reduce_once(P384Limbs a) noexcept {
  if (mpn_cmp(a.data(), p384_order.data(), p384_limbs) >= 0) {
    mpn_sub_n(a.data(), a.data(), p384_order.data(), p384_limbs);
  }
  return a;
}

// 1 <= value < n: what a private key, a nonce, r and s must be. Its time depends on the value only
// as far as a refused one may show.
[[nodiscard]] inline bool is_p384_scalar(const P384Limbs& value) noexcept {
  return mpn_cmp(value.data(), p384_order.data(), p384_limbs) < 0 &&
         mpn_zero_p(value.data(), p384_limbs) == 0;
}

// Working space for GMP and hogweed, wiped when it goes.
class LimbScratch {
 public:
  explicit LimbScratch(mp_size_t limbs) : limbs_(static_cast<std::size_t>(limbs)) {}
  ~LimbScratch() { explicit_bzero(limbs_.data(), limbs_.size() * sizeof(mp_limb_t)); }
  LimbScratch(const LimbScratch&) = delete;
  LimbScratch& operator=(const LimbScratch&) = delete;
  LimbScratch(LimbScratch&&) = delete;
  LimbScratch& operator=(LimbScratch&&) = delete;

  [[nodiscard]] mp_limb_t* data() noexcept { return limbs_.data(); }

 private:
  std::vector<mp_limb_t> limbs_;
};

}  // namespace extreq::crypto
