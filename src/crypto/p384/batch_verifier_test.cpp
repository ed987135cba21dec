#include "crypto/p384/batch_verifier.hpp"

#include <cstdlib>
#include <ostream>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "crypto/p384/scalar.hpp"
#include "crypto/p384/test_integer.hpp"
#include "crypto/p384/test_judges.hpp"

namespace extreq::crypto::p384 {
namespace {

EcdsaP384PrivateKey key_of(const Integer& scalar) {
  return EcdsaP384PrivateKey::from_scalar(bytes48_of(scalar)).value();
}

Sha384Digest random_digest(std::mt19937_64& random) {
  Sha384Digest digest;
  for (std::uint8_t& byte : digest) byte = static_cast<std::uint8_t>(random());
  return digest;
}

EcdsaP384Signature with_other_s(const EcdsaP384Signature& signature) {
  return {signature.r, bytes48_of(group_order() - integer_of(signature.s))};
}

BatchVerifier verifier_of(Kernel kernel, std::size_t known_keys = 1024, unsigned known_after = 1) {
  BatchVerifier::Options options;
  options.kernel = kernel;
  options.known_keys = known_keys;
  options.known_after = known_after;
  return BatchVerifier(options);
}

// Each way through: keys seen for the first time, keys with a table, the library.
class BatchVerifierTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) != "library" && !ifma_available()) {
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no AVX-512 IFMA here";
    }
  }
  [[nodiscard]] static BatchVerifier make() {
    const std::string_view way = GetParam();
    return verifier_of(way == "library" ? Kernel::library : Kernel::ifma,
                       way == "known" ? 1024 : 0);
  }
  std::mt19937_64 random_{42};
};
INSTANTIATE_TEST_SUITE_P(Ways, BatchVerifierTest, ::testing::Values("fresh", "known", "library"),
                         [](const auto& way) { return std::string(way.param); });

TEST_P(BatchVerifierTest, AnswersComeInTheOrderOfTheQuestionsForAnyNumberOfThem) {
  const BatchVerifier verifier = make();
  std::vector<EcdsaP384PrivateKey> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(EcdsaP384PrivateKey::generate().value());
  EXPECT_TRUE(verifier.verify({}).empty());
  for (const std::size_t count : {1, 2, 7, 8, 9, 16, 63, 64, 65, 130}) {
    std::vector<SignatureQuestion> questions;
    std::vector<bool> wanted;
    for (std::size_t i = 0; i < count; ++i) {
      const EcdsaP384PrivateKey& key = keys[random_() % keys.size()];
      const Sha384Digest digest = random_digest(random_);
      questions.push_back({&key.public_key(), digest, key.sign_digest(digest)});
      wanted.push_back(random_() % 2 == 0);
      if (!wanted.back()) questions.back().digest[random_() % 48] ^= 1;
    }
    EXPECT_EQ(verifier.verify(questions), wanted) << count << " questions";
  }
}

TEST_P(BatchVerifierTest, ALanesVerdictNeverDependsOnItsNeighbours) {
  const BatchVerifier verifier = make();
  std::vector<EcdsaP384PrivateKey> keys;
  std::vector<SignatureQuestion> good;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    keys.push_back(EcdsaP384PrivateKey::generate().value());
  }
  for (const auto& key : keys) {
    const Sha384Digest digest = random_digest(random_);
    good.push_back({&key.public_key(), digest, key.sign_digest(digest)});
  }
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    std::vector<SignatureQuestion> questions = good;
    std::vector<bool> wanted;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      wanted.push_back((pattern >> lane & 1U) != 0);
      if (!wanted.back()) questions[lane].signature.s[47 - lane] ^= 0x10;
    }
    ASSERT_EQ(verifier.verify(questions), wanted) << pattern;
  }
}

TEST_P(BatchVerifierTest, RAndSOutsideOneToNMinusOneAreRefused) {
  const BatchVerifier verifier = make();
  const auto key = EcdsaP384PrivateKey::generate().value();
  const Sha384Digest digest = random_digest(random_);
  const EcdsaP384Signature good = key.sign_digest(digest);
  const std::vector<Integer> edges = {Integer(),
                                      Integer(1UL),
                                      Integer(2UL),
                                      group_order() - Integer(1UL),
                                      group_order(),
                                      group_order() + Integer(1UL),
                                      field_prime() - Integer(1UL),
                                      field_prime(),
                                      field_prime() - group_order(),
                                      field_prime() - group_order() - Integer(1UL),
                                      (Integer(1UL) << 384) - Integer(1UL)};
  std::vector<SignatureQuestion> questions;
  for (const Integer& r : edges) {
    for (const Integer& s : edges) {
      questions.push_back({&key.public_key(), digest, {bytes48_of(r), bytes48_of(s)}});
    }
    questions.push_back({&key.public_key(), digest, {bytes48_of(r), good.s}});
    questions.push_back({&key.public_key(), digest, {good.r, bytes48_of(r)}});
  }
  questions.push_back({&key.public_key(), digest, good});
  const std::vector<bool> answers = verifier.verify(questions);
  for (std::size_t i = 0; i + 1 < questions.size(); ++i) {
    ASSERT_FALSE(answers[i]) << i;
    ASSERT_FALSE(openssl_says(questions[i])) << i;
  }
  EXPECT_TRUE(answers.back());
}

TEST_P(BatchVerifierTest, BothSignaturesOfADigestAreAccepted) {
  const BatchVerifier verifier = make();
  const auto key = EcdsaP384PrivateKey::generate().value();
  std::vector<SignatureQuestion> questions;
  for (int i = 0; i < 16; ++i) {
    const Sha384Digest digest = random_digest(random_);
    const EcdsaP384Signature signature = key.sign_digest(digest);
    questions.push_back({&key.public_key(), digest, signature});
    questions.push_back({&key.public_key(), digest, with_other_s(signature)});
  }
  EXPECT_EQ(verifier.verify(questions), std::vector<bool>(questions.size(), true));
}

// Keys that are small or special multiples of G, and of the point with which the sum begins: the
// additions meet equal and opposite points and the point at infinity.
TEST_P(BatchVerifierTest, SpecialCasesOfTheAdditionLawGetTheLibrarysVerdict) {
  const BatchVerifier verifier = make();
  std::vector<Integer> scalars;
  for (unsigned long k = 1; k < 40; ++k) scalars.emplace_back(k);
  for (unsigned long bit = 5; bit < 384; bit += 7) scalars.push_back(Integer(1UL) << bit);
  Integer start;
  const P384Limbs start_limbs = start_scalar();
  mpz_import(start.raw(), start_limbs.size(), -1, sizeof(mp_limb_t), 0, 0, start_limbs.data());
  for (unsigned shift = 0; shift < 12; ++shift) {
    scalars.push_back((start << shift) % group_order());
    scalars.push_back((inverse(Integer(1UL) << shift, group_order()) * start) % group_order());
  }
  std::vector<EcdsaP384PrivateKey> keys;
  for (const Integer& scalar : scalars) {
    keys.push_back(key_of(scalar));
    keys.push_back(key_of(group_order() - scalar));
  }
  std::vector<SignatureQuestion> questions;
  std::vector<Sha384Digest> digests = {Sha384Digest{}, bytes48_of(group_order()),
                                       bytes48_of(Integer(1UL)), random_digest(random_)};
  for (const auto& key : keys) {
    for (const Sha384Digest& digest : digests) {
      questions.push_back({&key.public_key(), digest, key.sign_digest(digest)});
    }
    // u1 G + u2 Q for small u1 and u2: r / s and e / s are small where r and e are multiples of s.
    for (unsigned long u = 1; u < 4; ++u) {
      const Integer s(0x1234567UL);
      const Integer r = (s * Integer(u)) % group_order();
      questions.push_back({&key.public_key(),
                           bytes48_of((s * Integer(4 - u)) % group_order()),
                           {bytes48_of(r), bytes48_of(s)}});
    }
  }
  const std::vector<bool> answers = verifier.verify(questions);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    ASSERT_EQ(answers[i], nettle_says(questions[i])) << i;
    if (i % 16 == 0) {
      ASSERT_EQ(answers[i], openssl_says(questions[i])) << i;
    }
  }
}

TEST_P(BatchVerifierTest, ASumThatIsThePointAtInfinityIsRefused) {
  const BatchVerifier verifier = make();
  std::vector<EcdsaP384PrivateKey> keys;
  std::vector<SignatureQuestion> questions;
  keys.reserve(9);
  for (unsigned long d = 2; d < 11; ++d) {
    keys.push_back(key_of(Integer(d * 0x10001UL)));
    const Integer r = (Integer(0x77777UL) << 300) + Integer(d);
    // e + r d = 0 mod n
    const Integer e =
        (group_order() - (r * Integer(d * 0x10001UL)) % group_order()) % group_order();
    questions.push_back(
        {&keys.back().public_key(), bytes48_of(e), {bytes48_of(r), bytes48_of(Integer(99UL))}});
  }
  EXPECT_EQ(verifier.verify(questions), std::vector<bool>(questions.size(), false));
}

TEST(BatchVerifier, ThreadsShareOneVerifier) {
  const BatchVerifier verifier = verifier_of(best_kernel(), 2, 2);
  std::vector<EcdsaP384PrivateKey> keys;
  for (int i = 0; i < 4; ++i) keys.push_back(EcdsaP384PrivateKey::generate().value());
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int round = 0; round < 3; ++round) {
        std::vector<SignatureQuestion> questions;
        std::vector<bool> wanted;
        for (int i = 0; i < 12; ++i) {
          const auto& key = keys[random() % keys.size()];
          const Sha384Digest digest = random_digest(random);
          questions.push_back({&key.public_key(), digest, key.sign_digest(digest)});
          wanted.push_back(random() % 2 == 0);
          if (!wanted.back()) questions.back().signature.s[9] ^= 4;
        }
        EXPECT_EQ(verifier.verify(questions), wanted);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// What is right is known by construction: an honest signature and its twin are good, a changed one
// is not. Every hundredth verdict is also nettle's and OpenSSL's. $EXTREQ_VERDICTS says how many
// (scripts/verify-kernel.sh asks for ten million).
TEST(BatchVerifier, VerdictsAgreeWithConstructionAndLibraries) {
  const char* asked = std::getenv("EXTREQ_VERDICTS");
  const std::size_t verdicts = asked == nullptr ? 6000 : std::stoul(asked);
  std::mt19937_64 random(asked == nullptr ? 1 : std::random_device{}());
  const BatchVerifier fresh = verifier_of(best_kernel(), 0);
  const BatchVerifier known = verifier_of(best_kernel(), 64, 2);
  constexpr std::size_t keys_count = 64;
  std::vector<EcdsaP384PrivateKey> keys;
  for (std::size_t i = 0; i < keys_count; ++i) {
    keys.push_back(EcdsaP384PrivateKey::generate().value());
  }
  std::size_t done = 0;
  while (done < verdicts) {
    if (random() % 64 == 0) keys[random() % keys_count] = EcdsaP384PrivateKey::generate().value();
    std::vector<SignatureQuestion> questions;
    std::vector<bool> wanted;
    while (questions.size() < 1000) {
      const auto& key = keys[random() % keys_count];
      const Sha384Digest digest = random_digest(random);
      const SignatureQuestion good{&key.public_key(), digest, key.sign_digest(digest)};
      questions.push_back(good);
      questions.push_back({good.key, digest, with_other_s(good.signature)});
      wanted.insert(wanted.end(), {true, true});
      for (int k = 0; k < 6; ++k) {
        SignatureQuestion bad = good;
        const auto bit = static_cast<std::uint8_t>(1U << random() % 8);
        const std::size_t byte = random() % p384_size;
        if (k % 3 == 0) bad.digest[byte] ^= bit;
        if (k % 3 == 1) bad.signature.r[byte] ^= bit;
        if (k % 3 == 2) bad.signature.s[byte] ^= bit;
        questions.push_back(bad);
        wanted.push_back(false);
      }
    }
    ASSERT_EQ(fresh.verify(questions), wanted);
    ASSERT_EQ(known.verify(questions), wanted);
    for (std::size_t i = random() % 100; i < questions.size(); i += 100) {
      ASSERT_EQ(nettle_says(questions[i]), wanted[i]);
      ASSERT_EQ(openssl_says(questions[i]), wanted[i]);
    }
    done += 2 * questions.size();
  }
  RecordProperty("verdicts", std::to_string(done));
}

}  // namespace
}  // namespace extreq::crypto::p384
