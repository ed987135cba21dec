#include "crypto/p384/test_judges.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace extreq::crypto::p384 {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const noexcept {
    Free(thing);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using DerSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

Pkey pkey_of(const EcdsaP384PublicKey& key) {
  std::array<unsigned char, 1 + 2 * p384_size> point{4};  // uncompressed
  std::copy(key.qx().begin(), key.qx().end(), point.begin() + 1);
  std::copy(key.qy().begin(), key.qy().end(), point.begin() + 1 + p384_size);
  char group[] = "P-384";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY,
                        const_cast<OSSL_PARAM*>(parameters)) != 1) {
    throw std::runtime_error("OpenSSL does not take a public key");
  }
  return Pkey(made);
}

}  // namespace

bool openssl_says(const SignatureQuestion& question) {
  const Pkey pkey = pkey_of(*question.key);
  const DerSignature signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(),
                 BN_bin2bn(question.signature.r.data(), static_cast<int>(p384_size), nullptr),
                 BN_bin2bn(question.signature.s.data(), static_cast<int>(p384_size), nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(
      der, [](unsigned char* bytes) { OPENSSL_free(bytes); });
  const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
  return EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_verify(context.get(), der, static_cast<std::size_t>(size), question.digest.data(),
                         question.digest.size()) == 1;
}

}  // namespace extreq::crypto::p384
