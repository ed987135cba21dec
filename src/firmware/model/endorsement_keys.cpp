#include "firmware/model/endorsement_keys.hpp"

#include "base/byte_builder.hpp"
#include "crypto/hash.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;
using attestation::Tcb;

constexpr std::size_t cached_vceks = 16;

// "extreq model: VCEK", zero byte, product name, zero byte, TCB: no info is the start of another.
Bytes info_of(std::string_view label, Product product, const Tcb& tcb) {
  ByteBuilder info;
  info.bytes(to_bytes("extreq model: ")).bytes(to_bytes(label)).u8(0);
  info.bytes(to_bytes(attestation::kds_name(product))).u8(0);
  return info.u64(attestation::encode_tcb(tcb)).take();
}

template <std::size_t N, std::size_t KeySize>
Secret<N> expand(const Secret<KeySize>& key, ByteView info) {
  Secret<N> out;
  crypto::hkdf_sha384(key.view(), {}, info, out.mutable_view());
  return out;
}

}  // namespace

crypto::EcdsaP384PrivateKey derive_vcek(const Secret<64>& chip_secret, Product product,
                                        const Tcb& tcb) {
  return crypto::EcdsaP384PrivateKey::derive(chip_secret.view(), info_of("VCEK", product, tcb));
}

crypto::EcdsaP384PrivateKey derive_vlek(const VlekSeed& seed, Product product, const Tcb& tcb) {
  return crypto::EcdsaP384PrivateKey::derive(seed.view(), info_of("VLEK", product, tcb));
}

VlekSeed derive_vlek_seed(const Secret<48>& kds_secret, std::string_view csp_id) {
  ByteBuilder info;
  info.bytes(to_bytes("extreq model: VLEK seed")).u8(0).bytes(to_bytes(csp_id));
  return expand<48>(kds_secret, info.view());
}

Secret<32> derive_vlek_wrapping_key(const Secret<64>& chip_secret) {
  return expand<32>(chip_secret, to_bytes("extreq model: VLEK wrapping key"));
}

DerivationRoot derive_vcek_root(const PlatformState& state) {
  return expand<48>(state.chip_secret,
                    info_of("derivation root VCEK", state.product, state.reported_tcb));
}

DerivationRoot derive_vlek_root(const PlatformState& state, const LoadedVlek& vlek) {
  return expand<48>(vlek.seed, info_of("derivation root VLEK", state.product, state.reported_tcb));
}

const crypto::EcdsaP384PrivateKey& KeyCache::vcek(const PlatformState& state) {
  const std::uint64_t tcb = attestation::encode_tcb(state.reported_tcb);
  if (const auto found = vceks_.find(tcb); found != vceks_.end()) return found->second;
  if (vceks_.size() == cached_vceks) vceks_.clear();
  return vceks_.emplace(tcb, derive_vcek(state.chip_secret, state.product, state.reported_tcb))
      .first->second;
}

const crypto::EcdsaP384PrivateKey& KeyCache::vlek(const PlatformState& state,
                                                  const LoadedVlek& vlek) {
  if (!vlek_ || vlek_->tcb != state.reported_tcb ||
      !equal_constant_time(vlek_->seed.view(), vlek.seed.view())) {
    vlek_ = Vlek{vlek.seed.clone(), state.reported_tcb,
                 derive_vlek(vlek.seed, state.product, state.reported_tcb)};
  }
  return vlek_->key;
}

}  // namespace extreq::firmware::model
