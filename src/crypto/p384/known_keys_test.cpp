#include "crypto/p384/known_keys.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace extreq::crypto::p384 {
namespace {

EcdsaP384PublicKey new_key() { return EcdsaP384PrivateKey::generate().value().public_key(); }

class KnownKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ifma_available()) GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no AVX-512 IFMA here";
  }
};

TEST_F(KnownKeysTest, AKeyIsKnownAtItsThresholdAndNotBefore) {
  KnownKeys keys(4, 3);
  const auto key = new_key();
  EXPECT_FALSE(keys.find(key));
  EXPECT_FALSE(keys.find(key));
  const auto table = keys.find(key);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->size(), known_tables * key_entries);
  EXPECT_EQ(keys.find(key), table);
}

TEST_F(KnownKeysTest, TheKeyNotAskedForTheLongestIsForgottenAndItsTableLivesWhileItIsHeld) {
  KnownKeys keys(2, 1);
  const auto a = new_key();
  const auto b = new_key();
  const auto table_of_a = keys.find(a);
  const auto table_of_b = keys.find(b);
  ASSERT_EQ(keys.find(a), table_of_a);  // b is the oldest now
  ASSERT_TRUE(keys.find(new_key()));
  EXPECT_EQ(keys.find(a), table_of_a);
  EXPECT_NE(keys.find(b), table_of_b);
  EXPECT_EQ(table_of_b->size(), known_tables * key_entries);
}

TEST_F(KnownKeysTest, TheMemoryOfKeysWithoutATableIsBounded) {
  KnownKeys keys(1, 2);
  const auto key = new_key();
  EXPECT_FALSE(keys.find(key));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(keys.find(new_key()));
  EXPECT_FALSE(keys.find(key)) << "it had been forgotten";
  EXPECT_TRUE(keys.find(key));
}

TEST_F(KnownKeysTest, NoCapacityKnowsNothing) {
  KnownKeys keys(0, 1);
  const auto key = new_key();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(keys.find(key));
}

TEST_F(KnownKeysTest, ThreadsMayAskForTheSameKeysWhileTheyAreForgotten) {
  KnownKeys keys(2, 2);
  std::vector<EcdsaP384PublicKey> all;
  for (int i = 0; i < 5; ++i) all.push_back(new_key());
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 60; ++i) {
        const auto table = keys.find(all[i * 7 % all.size()]);
        if (table) {
          EXPECT_EQ(table->size(), known_tables * key_entries);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace extreq::crypto::p384
