// ECDSA P-384 with SHA-384 in the libraries that Debian has, and in the firmware model: what a
// signature costs, what a verification costs, and how much of a report is its signature.
#include <cstdlib>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "bench/bench_evidence.hpp"
#include "crypto/ecdsa_p384.hpp"

namespace extreq::bench {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const noexcept {
    Free(thing);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;

void need(bool done, const char* what) {
  if (done) return;
  fmt::print(stderr, "benchmark: {} failed\n", what);
  std::exit(EXIT_FAILURE);
}

crypto::Sha384Digest digest_of(std::uint8_t seed) {
  crypto::Sha384Digest digest{};
  digest.fill(seed);
  return digest;
}

const crypto::EcdsaP384PrivateKey& key() {
  static const auto key = crypto::EcdsaP384PrivateKey::generate().value();
  return key;
}

// --- nettle, as our crypto folder uses it -------------------------------------------------------
void SignNettle(benchmark::State& state) {
  const auto digest = digest_of(1);
  for (auto _ : state) benchmark::DoNotOptimize(key().sign_digest(digest));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SignNettle)->Unit(benchmark::kMicrosecond);

// The firmware model's whole answer to a sealed report request; the guest's half is with it.
void SignReportInTheFirmwareModel(benchmark::State& state) {
  Platform& model = platform();  // its RSA keys are not what is measured
  message::Requester& guest = requester();
  for (auto _ : state) benchmark::DoNotOptimize(report_from(model, guest));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SignReportInTheFirmwareModel)->Unit(benchmark::kMicrosecond);

void VerifyNettle(benchmark::State& state) {
  const auto digest = digest_of(1);
  const auto signature = key().sign_digest(digest);
  for (auto _ : state) need(key().public_key().verify_digest(digest, signature), "nettle");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(VerifyNettle)->Unit(benchmark::kMicrosecond);

// --- OpenSSL ------------------------------------------------------------------------------------
Pkey openssl_key() {
  EVP_PKEY* made = EVP_EC_gen("P-384");
  need(made != nullptr, "EVP_EC_gen");
  return Pkey(made);
}

std::vector<unsigned char> openssl_signature(EVP_PKEY* pkey, const crypto::Sha384Digest& digest) {
  const PkeyContext context(EVP_PKEY_CTX_new(pkey, nullptr));
  std::size_t size = 0;
  need(EVP_PKEY_sign_init(context.get()) == 1 &&
           EVP_PKEY_sign(context.get(), nullptr, &size, digest.data(), digest.size()) == 1,
       "EVP_PKEY_sign_init");
  std::vector<unsigned char> signature(size);
  need(EVP_PKEY_sign(context.get(), signature.data(), &size, digest.data(), digest.size()) == 1,
       "EVP_PKEY_sign");
  signature.resize(size);
  return signature;
}

void SignOpenssl(benchmark::State& state) {
  const Pkey pkey = openssl_key();
  for (auto _ : state) benchmark::DoNotOptimize(openssl_signature(pkey.get(), digest_of(1)));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SignOpenssl)->Unit(benchmark::kMicrosecond);

void VerifyOpenssl(benchmark::State& state) {
  const Pkey pkey = openssl_key();
  const auto digest = digest_of(1);
  const auto signature = openssl_signature(pkey.get(), digest);
  const PkeyContext context(EVP_PKEY_CTX_new(pkey.get(), nullptr));
  need(EVP_PKEY_verify_init(context.get()) == 1, "EVP_PKEY_verify_init");
  for (auto _ : state) {
    need(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                         digest.size()) == 1,
         "EVP_PKEY_verify");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(VerifyOpenssl)->Unit(benchmark::kMicrosecond);

// --- GnuTLS -------------------------------------------------------------------------------------
class GnutlsKey {
 public:
  GnutlsKey() {
    need(gnutls_privkey_init(&private_) == 0 && gnutls_pubkey_init(&public_) == 0, "gnutls init");
    need(gnutls_privkey_generate(private_, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), 0) == 0,
         "gnutls_privkey_generate");
    need(gnutls_pubkey_import_privkey(public_, private_, 0, 0) == 0, "gnutls_pubkey_import");
  }
  ~GnutlsKey() {
    gnutls_pubkey_deinit(public_);
    gnutls_privkey_deinit(private_);
  }
  GnutlsKey(const GnutlsKey&) = delete;
  GnutlsKey& operator=(const GnutlsKey&) = delete;
  GnutlsKey(GnutlsKey&&) = delete;
  GnutlsKey& operator=(GnutlsKey&&) = delete;

  // The caller frees it with gnutls_free().
  [[nodiscard]] gnutls_datum_t sign(crypto::Sha384Digest digest) const {
    const gnutls_datum_t data{digest.data(), static_cast<unsigned>(digest.size())};
    gnutls_datum_t signature{};
    need(gnutls_privkey_sign_hash2(private_, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 0, &data,
                                   &signature) == 0,
         "gnutls_privkey_sign_hash2");
    return signature;
  }
  [[nodiscard]] bool verify(crypto::Sha384Digest digest, const gnutls_datum_t& signature) const {
    const gnutls_datum_t data{digest.data(), static_cast<unsigned>(digest.size())};
    return gnutls_pubkey_verify_hash2(public_, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 0, &data,
                                      &signature) >= 0;
  }

 private:
  gnutls_privkey_t private_ = nullptr;
  gnutls_pubkey_t public_ = nullptr;
};

void SignGnutls(benchmark::State& state) {
  const GnutlsKey pair;
  for (auto _ : state) gnutls_free(pair.sign(digest_of(1)).data);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SignGnutls)->Unit(benchmark::kMicrosecond);

void VerifyGnutls(benchmark::State& state) {
  const GnutlsKey pair;
  const gnutls_datum_t signature = pair.sign(digest_of(1));
  for (auto _ : state) need(pair.verify(digest_of(1), signature), "gnutls_pubkey_verify_hash2");
  gnutls_free(signature.data);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(VerifyGnutls)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace extreq::bench
