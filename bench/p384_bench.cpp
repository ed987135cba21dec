// The eight-lane kernel beside the libraries: signatures verified a second, on one core, with keys
// never seen before and with a thousand known ones.
#include <algorithm>
#include <random>
#include <string>

#include <benchmark/benchmark.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/p384/batch_verifier.hpp"

namespace extreq::bench {
namespace {

using crypto::p384::BatchVerifier;
using crypto::p384::Kernel;
using crypto::p384::SignatureQuestion;

constexpr std::size_t keys_count = 1000;
constexpr std::size_t group = 64;  // as a stream hands them over

struct Signed {
  std::vector<crypto::EcdsaP384PrivateKey> keys;
  std::vector<SignatureQuestion> questions;
};

const Signed& signed_questions() {
  static const Signed all = [] {
    Signed made;
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < keys_count; ++i) {
      made.keys.push_back(crypto::EcdsaP384PrivateKey::generate().value());
    }
    for (const auto& key : made.keys) {
      crypto::Sha384Digest digest;
      for (auto& byte : digest) byte = static_cast<std::uint8_t>(random());
      made.questions.push_back({&key.public_key(), digest, key.sign_digest(digest)});
    }
    std::shuffle(made.questions.begin(), made.questions.end(), random);
    return made;
  }();
  return all;
}

void verify_in_groups(benchmark::State& state, const BatchVerifier& verifier, std::size_t size) {
  const std::span<const SignatureQuestion> all = signed_questions().questions;
  std::size_t at = 0;
  for (auto _ : state) {
    if (at + size > all.size()) at = 0;
    for (const bool good : verifier.verify(all.subspan(at, size))) {
      if (!good) return state.SkipWithError("a good signature was refused");
    }
    at += size;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

BatchVerifier verifier_of(Kernel kernel, std::size_t known_keys) {
  BatchVerifier::Options options;
  options.kernel = kernel;
  options.known_keys = known_keys;
  options.known_after = 1;
  return BatchVerifier(options);
}

void Nettle(benchmark::State& state) {
  verify_in_groups(state, verifier_of(Kernel::library, 0), group);
}
BENCHMARK(Nettle)->Unit(benchmark::kMicrosecond);

void KernelFreshKeys(benchmark::State& state) {
  verify_in_groups(state, verifier_of(Kernel::ifma, 0), group);
}
BENCHMARK(KernelFreshKeys)->Unit(benchmark::kMicrosecond);

void KernelFreshKeysEightAtOnce(benchmark::State& state) {
  verify_in_groups(state, verifier_of(Kernel::ifma, 0), crypto::p384::lanes);
}
BENCHMARK(KernelFreshKeysEightAtOnce)->Unit(benchmark::kMicrosecond);

void KernelThousandKnownKeys(benchmark::State& state) {
  const BatchVerifier verifier = verifier_of(Kernel::ifma, keys_count);
  const auto ready = verifier.verify(signed_questions().questions);  // the tables
  benchmark::DoNotOptimize(ready);
  verify_in_groups(state, verifier, group);
}
BENCHMARK(KernelThousandKnownKeys)->Unit(benchmark::kMicrosecond);

void KernelOneSignatureOfAKnownKey(benchmark::State& state) {
  const BatchVerifier verifier = verifier_of(Kernel::ifma, keys_count);
  const auto ready = verifier.verify(signed_questions().questions);
  benchmark::DoNotOptimize(ready);
  verify_in_groups(state, verifier, 1);
}
BENCHMARK(KernelOneSignatureOfAKnownKey)->Unit(benchmark::kMicrosecond);

// One key, kept parsed.
void Openssl(benchmark::State& state) {
  const SignatureQuestion& question = signed_questions().questions.front();
  std::vector<unsigned char> point{4};  // uncompressed
  point.insert(point.end(), question.key->qx().begin(), question.key->qx().end());
  point.insert(point.end(), question.key->qy().begin(), question.key->qy().end());
  std::string curve = "P-384";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX* importer = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(importer);
  EVP_PKEY_fromdata(importer, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  EVP_PKEY_CTX_free(importer);
  ECDSA_SIG* signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(question.signature.r.data(), 48, nullptr),
                 BN_bin2bn(question.signature.s.data(), 48, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &der);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  EVP_PKEY_verify_init(context);
  for (auto _ : state) {
    if (EVP_PKEY_verify(context, der, static_cast<std::size_t>(size), question.digest.data(),
                        question.digest.size()) != 1) {
      state.SkipWithError("a good signature was refused");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
  EVP_PKEY_CTX_free(context);
  OPENSSL_free(der);
  ECDSA_SIG_free(signature);
  EVP_PKEY_free(key);
}
BENCHMARK(Openssl)->Unit(benchmark::kMicrosecond);

// What a known key costs to become one.
void MakeKeyTable(benchmark::State& state) {
  if (!crypto::p384::ifma_available()) return state.SkipWithError("no AVX-512 IFMA");
  const auto& key = signed_questions().keys.front().public_key();
  for (auto _ : state) benchmark::DoNotOptimize(crypto::p384::make_key_table(key));
}
BENCHMARK(MakeKeyTable)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace extreq::bench
