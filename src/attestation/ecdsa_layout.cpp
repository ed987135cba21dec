#include "attestation/ecdsa_layout.hpp"

#include <algorithm>

#include "base/byte_builder.hpp"

namespace extreq::attestation {
namespace {

using Component = abi::ByteArray<abi::snp::ecdsa_component_size>;
using Integer = std::array<std::uint8_t, crypto::p384_size>;

bool fits(const Component& little_endian) noexcept {
  return all_zero(ByteView(little_endian).subspan(crypto::p384_size));
}

Integer big_endian(const Component& little_endian) noexcept {
  Integer integer;
  std::reverse_copy(little_endian.begin(), little_endian.begin() + crypto::p384_size,
                    integer.begin());
  return integer;
}

Component little_endian(const Integer& big_endian) noexcept {
  Component component{};
  std::ranges::reverse_copy(big_endian, component.begin());
  return component;
}

}  // namespace

Result<crypto::EcdsaP384Signature> read_signature(const abi::snp::EcdsaSignature& signature) {
  if (!fits(signature.r) || !fits(signature.s)) {
    return fail(Code::not_genuine,
                "signature: {} has a byte set above the 48 of P-384; they must be zero",
                fits(signature.r) ? "S" : "R");
  }
  if (!all_zero(signature.reserved)) {
    return fail(Code::not_genuine,
                "signature: reserved byte {} behind R and S is set; they must be zero",
                std::ranges::find_if(signature.reserved, [](auto byte) { return byte != 0; }) -
                    signature.reserved.begin());
  }
  return crypto::EcdsaP384Signature{big_endian(signature.r), big_endian(signature.s)};
}

abi::snp::EcdsaSignature to_layout(const crypto::EcdsaP384Signature& signature) {
  abi::snp::EcdsaSignature layout;
  layout.r = little_endian(signature.r);
  layout.s = little_endian(signature.s);
  return layout;
}

Result<crypto::EcdsaP384PublicKey> read_public_key(const abi::snp::EcdsaPublicKey& key) {
  if (key.curve != abi::snp::curve_p384) {
    return fail(Code::invalid_input, "public key: curve {} found, {} (P-384) wanted",
                key.curve.get(), abi::snp::curve_p384);
  }
  if (!fits(key.qx) || !fits(key.qy) || !all_zero(key.reserved)) {
    return fail(Code::invalid_input,
                "public key: a byte that no P-384 key uses is set; they must be zero");
  }
  return crypto::EcdsaP384PublicKey::from_coordinates(big_endian(key.qx), big_endian(key.qy));
}

abi::snp::EcdsaPublicKey to_layout(const crypto::EcdsaP384PublicKey& key) {
  abi::snp::EcdsaPublicKey layout;
  layout.curve = abi::snp::curve_p384;
  layout.qx = little_endian(key.qx());
  layout.qy = little_endian(key.qy());
  return layout;
}

crypto::Sha384Digest key_digest(const abi::snp::EcdsaPublicKey& key) {
  ByteBuilder bytes(sizeof(key));
  bytes.object(key);
  return crypto::sha384(bytes.view());
}

}  // namespace extreq::attestation
