// ECDSA on P-384 with SHA-384: how reports, ID blocks and their keys are signed.
//
// FIPS 186-5 section 6; the curve is NIST SP 800-186 section 3.2.1.4. Nettle's hogweed stands
// behind it: it is several times faster than OpenSSL 3.0 on this curve, and its signing and
// key paths do not branch or index on secrets.
//
// Integers are big-endian here, 48 bytes each. The firmware's 72-byte little-endian form belongs to
// those who own that format.
//
// Signing is deterministic (RFC 6979): the nonce comes from key and digest alone. It needs no
// random numbers, so that it cannot fail and no bad generator can leak the key, and two processes
// with one key sign one digest alike.
//
// Threading: const objects may be used from any number of threads.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/hash.hpp"

namespace extreq::crypto {

constexpr std::size_t p384_size = 48;
using P384View = std::span<const std::uint8_t, p384_size>;

struct EcdsaP384Signature {
  std::array<std::uint8_t, p384_size> r{};
  std::array<std::uint8_t, p384_size> s{};

  friend bool operator==(const EcdsaP384Signature&, const EcdsaP384Signature&) = default;
};

// A point that is on the curve and is not infinity. A value; copies are cheap.
class EcdsaP384PublicKey {
 public:
  // Failure: invalid_input if a coordinate is not below the field's prime or the point is not on
  // the curve (FIPS 186-5 appendix D.1.1; the curve's cofactor is 1, so that is all).
  [[nodiscard]] static Result<EcdsaP384PublicKey> from_coordinates(P384View qx, P384View qy);

  [[nodiscard]] const std::array<std::uint8_t, p384_size>& qx() const noexcept { return qx_; }
  [[nodiscard]] const std::array<std::uint8_t, p384_size>& qy() const noexcept { return qy_; }

  // True only if r and s are in 1..n-1 and the signature is this key's over `digest`. Nettle before
  // 3.9 may refuse the one valid signature of a digest whose two points, u1 G and u2 Q, are equal:
  // it takes the private key and intent to construct it, chance does not meet it.
  [[nodiscard]] bool verify_digest(const Sha384Digest& digest,
                                   const EcdsaP384Signature& signature) const;

  friend bool operator==(const EcdsaP384PublicKey& a, const EcdsaP384PublicKey& b) noexcept {
    return a.qx_ == b.qx_ && a.qy_ == b.qy_;
  }

 private:
  friend class EcdsaP384PrivateKey;
  EcdsaP384PublicKey() = default;

  std::array<std::uint8_t, p384_size> qx_{};
  std::array<std::uint8_t, p384_size> qy_{};
  std::array<std::uint64_t, 12> point_{};  // x then y, least significant limb first
};

// A scalar in 1..n-1, wiped when the object goes or is moved from, and its public point. An object
// moved from may only be destroyed or assigned to.
class EcdsaP384PrivateKey {
 public:
  // FIPS 186-5 appendix A.2.1 (extra random bits) on random_bytes(). Failure: that of
  // random_bytes().
  [[nodiscard]] static Result<EcdsaP384PrivateKey> generate();

  // Failure: invalid_input for 0 and for anything that is not below the order n.
  [[nodiscard]] static Result<EcdsaP384PrivateKey> from_scalar(P384View big_endian);

  // Effect: the same key for the same `keying_material` and `info`, always: 56 bytes of
  // HKDF-SHA384 (no salt) reduced as in FIPS 186-5 appendix A.2.1, which leaves a bias below 2^-64.
  // `keying_material` must be secret and uniform, at least 48 bytes (checked at compile time; take
  // Secret<N>::view()).
  template <std::size_t N>
  [[nodiscard]] static EcdsaP384PrivateKey derive(std::span<const std::uint8_t, N> keying_material,
                                                  ByteView info) {
    static_assert(N >= p384_size && N != std::dynamic_extent, "a P-384 key needs 48 secret bytes");
    return derive_from(keying_material, info);
  }

  [[nodiscard]] const EcdsaP384PublicKey& public_key() const noexcept { return public_key_; }

  [[nodiscard]] EcdsaP384Signature sign_digest(const Sha384Digest& digest) const;

 private:
  EcdsaP384PrivateKey(Secret<p384_size> scalar, const EcdsaP384PublicKey& public_key) noexcept;
  [[nodiscard]] static EcdsaP384PrivateKey derive_from(ByteView keying_material, ByteView info);
  // From 56 uniform bytes.
  [[nodiscard]] static EcdsaP384PrivateKey from_extra_bits(std::span<const std::uint8_t, 56> bits);
  // `scalar` is in 1..n-1.
  [[nodiscard]] static EcdsaP384PrivateKey from_valid_scalar(Secret<p384_size> scalar);

  Secret<p384_size> scalar_;  // big-endian
  EcdsaP384PublicKey public_key_;
};

}  // namespace extreq::crypto
