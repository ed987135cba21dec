// The keys that the model derives: VCEK from the chip secret, VLEK from a provider's seed, both for
// one TCB, and the roots of guests' derived keys.
//
// HKDF-SHA384 with a label for each purpose, so that no two are ever the same key. Everything that
// has the same secret derives the same key, in any process.
// Terms: AMD 56860, chapters "Versioned Chip Endorsement Key", "Versioned Loaded Endorsement Key".
// Threading: the functions have no state; a KeyCache is used by one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "crypto/ecdsa_p384.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

[[nodiscard]] crypto::EcdsaP384PrivateKey derive_vcek(const Secret<64>& chip_secret,
                                                      attestation::Product product,
                                                      const attestation::Tcb& tcb);
[[nodiscard]] crypto::EcdsaP384PrivateKey derive_vlek(const VlekSeed& seed,
                                                      attestation::Product product,
                                                      const attestation::Tcb& tcb);

// The seed that the model's KDS gives to one provider.
[[nodiscard]] VlekSeed derive_vlek_seed(const Secret<48>& kds_secret, std::string_view csp_id);

// The key under which the KDS wraps hashsticks for this chip.
[[nodiscard]] Secret<32> derive_vlek_wrapping_key(const Secret<64>& chip_secret);

// Roots for MSG_KEY_REQ: symmetric, of their own, so that no answer says anything about a signing
// key.
using DerivationRoot = Secret<48>;
[[nodiscard]] DerivationRoot derive_vcek_root(const PlatformState& state);
[[nodiscard]] DerivationRoot derive_vlek_root(const PlatformState& state, const LoadedVlek& vlek);

// The signing keys of the reported TCB, derived once (a key costs as much as a signature).
// It holds a few VCEKs, for hosts that go back and forth between TCBs, and the last VLEK.
class KeyCache {
 public:
  // Valid until the next call.
  [[nodiscard]] const crypto::EcdsaP384PrivateKey& vcek(const PlatformState& state);
  [[nodiscard]] const crypto::EcdsaP384PrivateKey& vlek(const PlatformState& state,
                                                        const LoadedVlek& vlek);

 private:
  struct Vlek {
    VlekSeed seed;
    attestation::Tcb tcb;
    crypto::EcdsaP384PrivateKey key;
  };
  std::map<std::uint64_t, crypto::EcdsaP384PrivateKey> vceks_;  // by encoded TCB
  std::optional<Vlek> vlek_;
};

}  // namespace extreq::firmware::model
