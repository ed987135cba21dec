#include "crypto/rfc6979.hpp"

#include <algorithm>

namespace extreq::crypto {
namespace {

// bits2octets (RFC 6979 section 2.3.4): the digest modulo n.
std::array<std::uint8_t, p384_size> reduced(const Sha384Digest& digest) {
  P384Limbs limbs;
  load_big_endian(digest, limbs);
  std::array<std::uint8_t, p384_size> bytes;
  store_big_endian(reduce_once(limbs), bytes);
  return bytes;
}

}  // namespace

Rfc6979Nonces::Rfc6979Nonces(P384View private_scalar, const Sha384Digest& digest) {
  value_.value.fill(0x01);
  key_.value.fill(0x00);
  // V || round || private key || digest, hashed under K in rounds 0 and 1 (steps d to g).
  constexpr std::size_t at_round = p384_size;
  constexpr std::size_t at_scalar = at_round + 1;
  constexpr std::size_t at_digest = at_scalar + p384_size;
  Wiped<std::array<std::uint8_t, at_digest + p384_size>> seed;
  std::copy(private_scalar.begin(), private_scalar.end(), seed.value.begin() + at_scalar);
  std::ranges::copy(reduced(digest), seed.value.begin() + at_digest);
  for (const std::uint8_t round : {std::uint8_t{0}, std::uint8_t{1}}) {
    std::ranges::copy(value_.value, seed.value.begin());
    seed.value[at_round] = round;
    key_.value = hmac_sha384(key_.value, seed.value);
    value_.value = hmac_sha384(key_.value, value_.value);
  }
}

void Rfc6979Nonces::advance() {
  Wiped<std::array<std::uint8_t, p384_size + 1>> seed;
  std::ranges::copy(value_.value, seed.value.begin());
  key_.value = hmac_sha384(key_.value, seed.value);
  value_.value = hmac_sha384(key_.value, value_.value);
}

void Rfc6979Nonces::next(P384Limbs& nonce) {
  do {
    if (used_) advance();
    used_ = true;
    value_.value = hmac_sha384(key_.value, value_.value);
    load_big_endian(value_.value, nonce);
  } while (!is_p384_scalar(nonce));
}

}  // namespace extreq::crypto
