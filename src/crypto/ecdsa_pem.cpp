#include "crypto/ecdsa_pem.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "base/try.hpp"
#include "crypto/pkey.hpp"

namespace extreq::crypto {
namespace {

using UniqueSecretNumber = std::unique_ptr<BIGNUM, OwnedBy<&BN_clear_free>>;

}  // namespace

Result<EcdsaP384PrivateKey> p384_private_key_from_pem(ByteView pem) {
  EXTREQ_TRY_ASSIGN(const UniquePkey key, private_key_from_pem(pem));
  const OpensslErrors errors;
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
