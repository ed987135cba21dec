// What every CertificateStore does, as one suite of tests: whoever implements it instantiates this
// with a type that has
//   static std::unique_ptr<...> create();            // an empty store, in a place of its own
//   std::unique_ptr<CertificateStore> open();        // it, once more
#pragma once

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "host/store.hpp"

namespace extreq::host {

// One model's certificates, made once for all tests of the program.
class StoreMaterial {
 public:
  static StoreMaterial& get() {
    static StoreMaterial material;
    return material;
  }

  [[nodiscard]] crypto::Certificate vcek(std::uint8_t microcode) {
    return processor_->kds().vcek({std::nullopt, 4, 0, 22, microcode}).value();
  }
  [[nodiscard]] crypto::Certificate vlek(const std::string& csp_id) {
    return processor_->kds().vlek(csp_id, {std::nullopt, 4, 0, 22, 1}).value();
  }
  // The same key, certified again later.
  [[nodiscard]] crypto::Certificate later_vlek(const std::string& csp_id) {
    clock_.advance(std::chrono::hours(24 * 400));
    return vlek(csp_id);
  }
  [[nodiscard]] firmware::model::Kds& kds() { return processor_->kds(); }
  [[nodiscard]] StoredCrl crl(std::uint8_t number, int this_update,
                              std::uint8_t content = 0) const {
    const auto at = std::chrono::sys_seconds(std::chrono::seconds(this_update));
    return {attestation::Product::milan, KeyKind::vcek,        Bytes(32, 0x11), {number}, at,
            at + std::chrono::hours(24), {0x30, 0x01, content}};
  }

 private:
  StoreMaterial() {
    firmware::model::Installation installation;
    installation.keys = firmware::model::test_authority_keys();
    processor_ =
        firmware::model::SecureProcessor::in_memory(installation, {.clock = &clock_}).value();
  }

  ManualClock clock_{std::chrono::sys_seconds(std::chrono::seconds(1'790'000'000))};
  std::unique_ptr<firmware::model::SecureProcessor> processor_;
};

template <class Place>
class StoreSuite : public testing::Test {
 protected:
  StoreMaterial& material_ = StoreMaterial::get();
  std::unique_ptr<Place> place_ = Place::create();
  std::unique_ptr<CertificateStore> store_ = place_->open();
};

TYPED_TEST_SUITE_P(StoreSuite);

TYPED_TEST_P(StoreSuite, WhatIsPutIsFoundAlsoByWhoOpensItLater) {
  const auto leaf = this->material_.vcek(1);
  const auto key = key_of(leaf).value();
  EXPECT_TRUE(this->store_->leaves(key)->empty());
  ASSERT_TRUE(this->store_->put_leaf(key, leaf));
  EXPECT_EQ(this->store_->leaves(key).value(), std::vector{leaf});
  EXPECT_EQ(this->place_->open()->leaves(key).value(), std::vector{leaf});
}

TYPED_TEST_P(StoreSuite, EveryPartOfTheKeyCounts) {
  const auto leaf = this->material_.vcek(1);
  const auto key = key_of(leaf).value();
  ASSERT_TRUE(this->store_->put_leaf(key, leaf));
  auto other = key;
  other.product = attestation::Product::genoa;
  EXPECT_TRUE(this->store_->leaves(other)->empty());
  other = key;
  other.holder[63] ^= 1U;
  EXPECT_TRUE(this->store_->leaves(other)->empty());
  other = key;
  other.kind = KeyKind::vlek;
  EXPECT_TRUE(this->store_->leaves(other)->empty());
  for (const auto& field : attestation::tcb_fields(attestation::TcbLayout::milan)) {
    other = key;
    field.set(other.tcb, static_cast<std::uint8_t>(field.get(key.tcb) ^ 1U));
    EXPECT_TRUE(this->store_->leaves(other)->empty()) << field.name;
  }
}

TYPED_TEST_P(StoreSuite, FmcIsAPartOfTheKey) {
  const auto leaf = this->material_.vcek(1);
  const CertificateKey key{
      attestation::Product::turin, KeyKind::vcek, Bytes(8, 1), {0, 4, 0, 22, 1}};
  auto other = key;
  other.tcb.fmc = 1;
  ASSERT_TRUE(this->store_->put_leaf(key, leaf));
  EXPECT_TRUE(this->store_->leaves(other)->empty());
}

TYPED_TEST_P(StoreSuite, ACertificateNeverChanges) {
  const auto leaf = this->material_.vcek(1);
  const auto key = key_of(leaf).value();
  ASSERT_TRUE(this->store_->put_leaf(key, leaf));
  // Another certificate that ends on the same second, as if the service had signed once more.
  ASSERT_TRUE(this->store_->put_leaf(key, this->material_.vcek(2)));
  EXPECT_EQ(this->store_->leaves(key).value(), std::vector{leaf});
}

TYPED_TEST_P(StoreSuite, ARenewedOneStandsBeforeTheOldOne) {
  const auto old_one = this->material_.vlek("renewed");
  const auto key = key_of(old_one).value();
  ASSERT_TRUE(this->store_->put_leaf(key, old_one));
  const auto new_one = this->material_.later_vlek("renewed");
  ASSERT_NE(new_one, old_one);
  ASSERT_TRUE(this->store_->put_leaf(key, new_one));
  EXPECT_EQ(this->store_->leaves(key).value(), (std::vector{new_one, old_one}));
}

TYPED_TEST_P(StoreSuite, VleksOfAllProvidersAreFoundWithoutAName) {
  const auto a = this->material_.vlek("provider a");
  const auto b = this->material_.vlek("provider b");
  auto key = key_of(a).value();
  ASSERT_TRUE(this->store_->put_leaf(key, a));
  ASSERT_TRUE(this->store_->put_leaf(key_of(b).value(), b));
  EXPECT_EQ(this->store_->leaves(key)->size(), 1U);
  key.holder.clear();
  EXPECT_EQ(this->store_->leaves(key)->size(), 2U);
  const auto nobodys = this->store_->put_leaf(key, a);
  ASSERT_FALSE(nobodys);
  EXPECT_EQ(nobodys.error().code, Code::invalid_input);
}

TYPED_TEST_P(StoreSuite, AuthoritiesAreKeptByProductAndKind) {
  using attestation::Product;
  auto& kds = this->material_.kds();
  for (int twice = 0; twice < 2; ++twice) {
    ASSERT_TRUE(this->store_->put_authority(Product::milan, KeyKind::vcek, kds.ask()));
    ASSERT_TRUE(this->store_->put_authority(Product::milan, KeyKind::vcek, kds.ark()));
  }
  EXPECT_EQ(this->store_->authorities(Product::milan, KeyKind::vcek)->size(), 2U);
  EXPECT_TRUE(this->store_->authorities(Product::milan, KeyKind::vlek)->empty());
  EXPECT_TRUE(this->store_->authorities(Product::genoa, KeyKind::vcek)->empty());
}

TYPED_TEST_P(StoreSuite, AnOlderCrlNeverReplacesANewer) {
  auto& store = *this->store_;
  const auto crl = [&](int number, int at, std::uint8_t content) {
    return this->material_.crl(static_cast<std::uint8_t>(number), at, content);
  };
  const auto kept = [&] {
    return store.crl(attestation::Product::milan, KeyKind::vcek, Bytes(32, 0x11)).value();
  };
  EXPECT_EQ(kept(), std::nullopt);
  EXPECT_EQ(store.put_crl(crl(5, 1000, 1)).value(), PutCrl::stored);
  EXPECT_EQ(kept(), crl(5, 1000, 1));
  EXPECT_EQ(store.put_crl(crl(4, 2000, 2)).value(), PutCrl::kept_newer)
      << "the number decides, not the date";
  EXPECT_EQ(store.put_crl(crl(5, 999, 3)).value(), PutCrl::kept_newer);
  EXPECT_EQ(kept(), crl(5, 1000, 1));
  EXPECT_EQ(store.put_crl(crl(5, 1001, 4)).value(), PutCrl::stored);
  EXPECT_EQ(store.put_crl(crl(200, 1, 5)).value(), PutCrl::stored);
  EXPECT_EQ(kept(), crl(200, 1, 5));
  auto longer = crl(1, 1, 6);
  longer.number = {1, 0};  // 256: compared as numbers, not as bytes from the left
  EXPECT_EQ(store.put_crl(longer).value(), PutCrl::stored);
  EXPECT_EQ(store.put_crl(crl(255, 9, 7)).value(), PutCrl::kept_newer);
  EXPECT_EQ(kept(), longer);
}

TYPED_TEST_P(StoreSuite, CrlsOfOtherRootsAreOthers) {
  auto one = this->material_.crl(5, 1000);
  auto other = this->material_.crl(1, 1000);
  other.issuer[0] ^= 1U;
  ASSERT_TRUE(this->store_->put_crl(one));
  EXPECT_EQ(this->store_->put_crl(other).value(), PutCrl::stored);
  other.kind = KeyKind::vlek;
  EXPECT_EQ(this->store_->put_crl(other).value(), PutCrl::stored);
  EXPECT_EQ(this->store_->content()->crls.size(), 3U);
}

TYPED_TEST_P(StoreSuite, ACrlWithoutAUsableNumberOrIssuerIsRefused) {
  for (const std::size_t size : {0U, 21U}) {
    auto crl = this->material_.crl(1, 1);
    crl.number.assign(size, 1);
    EXPECT_FALSE(this->store_->put_crl(crl)) << size;
  }
  auto crl = this->material_.crl(1, 1);
  crl.issuer.pop_back();
  EXPECT_FALSE(this->store_->put_crl(crl));
}

TYPED_TEST_P(StoreSuite, TheContentIsAllOfIt) {
  const auto leaf = this->material_.vcek(7);
  const auto key = key_of(leaf).value();
  ASSERT_TRUE(this->store_->put_leaf(key, leaf));
  ASSERT_TRUE(this->store_->put_authority(key.product, key.kind, this->material_.kds().ark()));
  ASSERT_TRUE(this->store_->put_crl(this->material_.crl(1, 1)));
  const auto content = this->store_->content().value();
  ASSERT_EQ(content.leaves.size(), 1U);
  EXPECT_EQ(content.leaves[0].key, key);
  EXPECT_EQ(content.leaves[0].certificate, leaf);
  ASSERT_EQ(content.authorities.size(), 1U);
  EXPECT_EQ(content.authorities[0].certificate, this->material_.kds().ark());
  ASSERT_EQ(content.crls.size(), 1U);
  EXPECT_EQ(content.crls[0], this->material_.crl(1, 1));
}

TYPED_TEST_P(StoreSuite, ManyThreadsAndOpenersWriteAtOnce) {
  const auto leaf = this->material_.vcek(1);
  const auto key = key_of(leaf).value();
  std::vector<std::thread> threads;
  for (std::uint8_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const auto own = thread % 2 == 0 ? nullptr : this->place_->open();
      CertificateStore& store = own ? *own : *this->store_;
      for (std::uint8_t i = 0; i < 5; ++i) {
        auto mine = key;
        mine.tcb.bootloader = thread;
        mine.tcb.tee = i;
        EXPECT_TRUE(store.put_leaf(mine, leaf));
        EXPECT_TRUE(store.put_leaf(key, leaf));
        EXPECT_TRUE(store.put_crl(this->material_.crl(i, thread)));
        EXPECT_TRUE(store.leaves(mine));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(this->store_->content()->leaves.size(), 21U);
  EXPECT_EQ(this->store_->content()->crls[0], this->material_.crl(4, 3));
}

REGISTER_TYPED_TEST_SUITE_P(StoreSuite, WhatIsPutIsFoundAlsoByWhoOpensItLater,
                            EveryPartOfTheKeyCounts, FmcIsAPartOfTheKey, ACertificateNeverChanges,
                            ARenewedOneStandsBeforeTheOldOne,
                            VleksOfAllProvidersAreFoundWithoutAName,
                            AuthoritiesAreKeptByProductAndKind, AnOlderCrlNeverReplacesANewer,
                            CrlsOfOtherRootsAreOthers, ACrlWithoutAUsableNumberOrIssuerIsRefused,
                            TheContentIsAllOfIt, ManyThreadsAndOpenersWriteAtOnce);

}  // namespace extreq::host
