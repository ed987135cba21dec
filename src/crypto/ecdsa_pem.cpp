#include "crypto/ecdsa_pem.hpp"

#include <limits>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "crypto/openssl.hpp"
#include "crypto/pkey_name.hpp"

namespace extreq::crypto {
namespace {

using UniqueSecretNumber = std::unique_ptr<BIGNUM, OwnedBy<&BN_clear_free>>;

// OpenSSL asks on the terminal where no callback is given.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

}  // namespace

Result<EcdsaP384PrivateKey> p384_private_key_from_pem(ByteView pem) {
  const OpensslErrors errors;
  if (pem.size() > std::numeric_limits<int>::max()) {
    return fail(Code::invalid_input, "a private key of {} bytes", pem.size());
  }
  const UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const UniquePkey key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr)
                           : nullptr);
  if (!key) {
    return fail(Code::invalid_input, "no unencrypted private key in PEM: {}", errors.reason());
  }
  if (const std::string found = pkey_name(key.get()); found != p384_name) {
    return fail(Code::unsupported, "the key is {}, wanted {}", found, p384_name);
  }
  BIGNUM* number = nullptr;
  const bool found = EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1;
  const UniqueSecretNumber owned(number);
  Secret<p384_size> scalar;
  if (!found ||
      BN_bn2binpad(number, scalar.mutable_view().data(), static_cast<int>(p384_size)) < 0) {
    return fail(Code::invalid_input, "the private key has no scalar: {}", errors.reason());
  }
  return EcdsaP384PrivateKey::from_scalar(scalar.view());
}

}  // namespace extreq::crypto
