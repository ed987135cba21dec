#include "crypto/pkey.hpp"

#include <array>
#include <limits>

#include <fmt/core.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace extreq::crypto {
namespace {

std::string rsa_name(const EVP_PKEY* key) {
  BIGNUM* exponent = nullptr;
  const bool got = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
  const bool usual = got && BN_is_word(exponent, RSA_F4) == 1;
  BN_free(exponent);
  return fmt::format("RSA-{}{}", EVP_PKEY_get_bits(key),
                     usual ? "" : " with an exponent other than 65537");
}

std::string ec_name(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) != 1) {
    return "EC on a curve without a name";
  }
  const std::string_view name(group.data(), length);
  return name == "secp384r1" ? std::string(p384_name) : fmt::format("EC on {}", name);
}

// OpenSSL asks on the terminal where no callback is given.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

}  // namespace

std::string pkey_name(const EVP_PKEY* key) {
  const OpensslErrors errors;
  if (key == nullptr) return "of an unknown kind";
  if (EVP_PKEY_is_a(key, "RSA") == 1) return rsa_name(key);
  if (EVP_PKEY_is_a(key, "EC") == 1) return ec_name(key);
  const char* const type = EVP_PKEY_get0_type_name(key);
  return type != nullptr ? type : "of an unknown kind";
}

Result<UniquePkey> private_key_from_pem(ByteView pem) {
  const OpensslErrors errors;
  if (pem.size() > std::numeric_limits<int>::max()) {
    return fail(Code::invalid_input, "a private key of {} bytes", pem.size());
  }
  const UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  UniquePkey key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr)
                     : nullptr);
  if (key) return key;
  return fail(Code::invalid_input, "no unencrypted private key in PEM: {}", errors.reason());
}

}  // namespace extreq::crypto
