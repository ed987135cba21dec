#include "firmware/model/endorsement_keys.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "firmware/model/installation.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;
using attestation::Tcb;

template <std::size_t N>
Secret<N> filled(std::uint8_t value) {
  Secret<N> secret;
  std::ranges::fill(secret.mutable_view(), value);
  return secret;
}

constexpr Tcb tcb{std::nullopt, 4, 0, 24, 219};

void expect_all_different(const std::vector<crypto::EcdsaP384PublicKey>& keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_FALSE(keys[i] == keys[k]) << i << " and " << k;
  }
}

TEST(EndorsementKeys, TheSameSecretGivesTheSameKeyEverywhere) {
  const auto key = derive_vcek(filled<64>(1), Product::milan, tcb).public_key();
  EXPECT_EQ(key, derive_vcek(filled<64>(1), Product::milan, tcb).public_key());
  // A platform that was made by an earlier build keeps its keys: computed by hand with
  // python3-cryptography.
  EXPECT_EQ(
      to_hex(key.qx()),
      "0f14d688d7aac1198bddfbc95baf769abcd5b2881f017bfd9f91a40960150cdae907f3a826c9924b2e4cd110a13d"
      "bd1e");
}

TEST(EndorsementKeys, EachComponentEachProductAndEachSecretGivesAnotherKey) {
  std::vector keys{derive_vcek(filled<64>(1), Product::milan, tcb).public_key(),
                   derive_vcek(filled<64>(2), Product::milan, tcb).public_key(),
                   derive_vcek(filled<64>(1), Product::genoa, tcb).public_key(),
                   derive_vlek(filled<48>(1), Product::milan, tcb).public_key(),
                   derive_vlek(filled<48>(2), Product::milan, tcb).public_key()};
  for (const auto& field : attestation::tcb_fields(attestation::TcbLayout::milan)) {
    Tcb other = tcb;
    field.set(other, static_cast<std::uint8_t>(field.get(tcb) + 1));
    keys.push_back(derive_vcek(filled<64>(1), Product::milan, other).public_key());
    keys.push_back(derive_vlek(filled<48>(1), Product::milan, other).public_key());
  }
  expect_all_different(keys);
}

TEST(EndorsementKeys, EachProviderHasAnotherSeed) {
  const auto seed = derive_vlek_seed(filled<48>(1), "a");
  EXPECT_TRUE(equal_constant_time(seed.view(), derive_vlek_seed(filled<48>(1), "a").view()));
  EXPECT_FALSE(equal_constant_time(seed.view(), derive_vlek_seed(filled<48>(1), "b").view()));
  EXPECT_FALSE(equal_constant_time(seed.view(), derive_vlek_seed(filled<48>(2), "a").view()));
}

TEST(KeyCache, GivesWhatDerivationGives) {
  PlatformState state = must(new_platform({}, system_clock()));
  LoadedVlek vlek{filled<48>(1), "csp"};
  KeyCache cache;
  for (std::uint8_t round = 1; round < 3; ++round) {
    for (std::uint8_t microcode = 100; microcode < 120; ++microcode) {
      state.reported_tcb.microcode = microcode;
      EXPECT_EQ(cache.vcek(state).public_key(),
                derive_vcek(state.chip_secret, state.product, state.reported_tcb).public_key());
    }
    EXPECT_EQ(cache.vlek(state, vlek).public_key(),
              derive_vlek(vlek.seed, state.product, state.reported_tcb).public_key());
    vlek.seed = filled<48>(static_cast<std::uint8_t>(round + 1U));
  }
}

}  // namespace
}  // namespace extreq::firmware::model
