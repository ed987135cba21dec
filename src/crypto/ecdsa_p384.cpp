#include "crypto/ecdsa_p384.hpp"

#include <algorithm>
#include <utility>

#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>

#include "crypto/p384_limbs.hpp"
#include "crypto/random.hpp"
#include "crypto/rfc6979.hpp"
#include "crypto/wiped.hpp"

namespace extreq::crypto {
namespace {

struct Integer {
  explicit Integer(ByteView big_endian) {
    mpz_init(value);
    mpz_import(value, big_endian.size(), 1, 1, 1, 0, big_endian.data());
  }
  ~Integer() { mpz_clear(value); }
  Integer(const Integer&) = delete;
  Integer& operator=(const Integer&) = delete;
  Integer(Integer&&) = delete;
  Integer& operator=(Integer&&) = delete;

  mpz_t value;
};

// hogweed names curves by pointers to its own constants.
const ecc_curve* curve() { return nettle_get_secp_384r1(); }

}  // namespace

Result<EcdsaP384PublicKey> EcdsaP384PublicKey::from_coordinates(P384View qx, P384View qy) {
  EcdsaP384PublicKey key;
  const Integer x(qx);
  const Integer y(qy);
  ecc_point point;
  ecc_point_init(&point, curve());
  const bool on_curve = ecc_point_set(&point, x.value, y.value) != 0;
  if (on_curve) std::copy_n(point.p, key.point_.size(), key.point_.begin());
  ecc_point_clear(&point);
  if (!on_curve) {
    return fail(Code::invalid_input, "({}, {}) is not a point of the curve P-384", to_hex(qx),
                to_hex(qy));
  }
  std::copy(qx.begin(), qx.end(), key.qx_.begin());
  std::copy(qy.begin(), qy.end(), key.qy_.begin());
  return key;
}

bool EcdsaP384PublicKey::verify_digest(const Sha384Digest& digest,
                                       const EcdsaP384Signature& signature) const {
  P384Limbs r;
  P384Limbs s;
  load_big_endian(signature.r, r);
  load_big_endian(signature.s, s);
  if (!is_p384_scalar(r) || !is_p384_scalar(s)) return false;
  LimbScratch scratch(ecc_ecdsa_verify_itch(curve()));
  return ecc_ecdsa_verify(curve(), point_.data(), digest.size(), digest.data(), r.data(), s.data(),
                          scratch.data()) != 0;
}

EcdsaP384PrivateKey::EcdsaP384PrivateKey(Secret<p384_size> scalar,
                                         const EcdsaP384PublicKey& public_key) noexcept
    : scalar_(std::move(scalar)), public_key_(public_key) {}

EcdsaP384PrivateKey EcdsaP384PrivateKey::from_valid_scalar(Secret<p384_size> scalar) {
  Wiped<P384Limbs> limbs;
  load_big_endian(scalar.view(), limbs.value);
  // A scalar and a point of hogweed's over memory of ours, so that nothing secret is left in its.
  EcdsaP384PublicKey public_key;
  const ecc_scalar n{curve(), limbs.value.data()};
  ecc_point q{curve(), public_key.point_.data()};
  ecc_point_mul_g(&q, &n);
  P384Limbs coordinate;
  std::copy_n(public_key.point_.begin(), p384_limbs, coordinate.begin());
  store_big_endian(coordinate, public_key.qx_);
  std::copy_n(public_key.point_.begin() + p384_limbs, p384_limbs, coordinate.begin());
  store_big_endian(coordinate, public_key.qy_);
  return {std::move(scalar), public_key};
}

EcdsaP384PrivateKey EcdsaP384PrivateKey::from_extra_bits(std::span<const std::uint8_t, 56> bits) {
  // bits mod (n - 1) + 1, in time that does not depend on the bits.
  P384Limbs order_minus_one = p384_order;
  order_minus_one[0] -= 1;
  Wiped<std::array<mp_limb_t, 7>> value;
  load_big_endian(bits, value.value);
  LimbScratch scratch(mpn_sec_div_r_itch(value.value.size(), p384_limbs));
  mpn_sec_div_r(value.value.data(), value.value.size(), order_minus_one.data(), p384_limbs,
                scratch.data());
  Wiped<P384Limbs> limbs;
  std::copy_n(value.value.begin(), p384_limbs, limbs.value.begin());
  const P384Limbs one = {1};
  mpn_add_n(limbs.value.data(), limbs.value.data(), one.data(), p384_limbs);
  Secret<p384_size> scalar;
  store_big_endian(limbs.value, scalar.mutable_view());
  return from_valid_scalar(std::move(scalar));
}

Result<EcdsaP384PrivateKey> EcdsaP384PrivateKey::generate() {
  Secret<56> bits;
  if (auto status = random_bytes(bits.mutable_view()); !status) {
    return tl::unexpected(std::move(status).error());
  }
  return from_extra_bits(bits.view());
}

Result<EcdsaP384PrivateKey> EcdsaP384PrivateKey::from_scalar(P384View big_endian) {
  Wiped<P384Limbs> limbs;
  load_big_endian(big_endian, limbs.value);
  if (!is_p384_scalar(limbs.value)) {
    return fail(Code::invalid_input,
                "a P-384 private key is wanted in 1..n-1, the one given is 0 or too large");
  }
  return from_valid_scalar(Secret<p384_size>(big_endian));
}

EcdsaP384PrivateKey EcdsaP384PrivateKey::derive_from(ByteView keying_material, ByteView info) {
  Secret<56> bits;
  hkdf_sha384(keying_material, {}, info, bits.mutable_view());
  return from_extra_bits(bits.view());
}

EcdsaP384Signature EcdsaP384PrivateKey::sign_digest(const Sha384Digest& digest) const {
  Wiped<P384Limbs> private_key;
  load_big_endian(scalar_.view(), private_key.value);
  Rfc6979Nonces nonces(scalar_.view(), digest);
  Wiped<P384Limbs> nonce;
  LimbScratch scratch(ecc_ecdsa_sign_itch(curve()));
  P384Limbs r;
  P384Limbs s;
  do {
    nonces.next(nonce.value);
    ecc_ecdsa_sign(curve(), private_key.value.data(), nonce.value.data(), digest.size(),
                   digest.data(), r.data(), s.data(), scratch.data());
  } while (!is_p384_scalar(r) || !is_p384_scalar(s));
  EcdsaP384Signature signature;
  store_big_endian(r, signature.r);
  store_big_endian(s, signature.s);
  return signature;
}

}  // namespace extreq::crypto
