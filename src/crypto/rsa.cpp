#include "crypto/rsa.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/file.hpp"
#include "base/secret.hpp"
#include "base/try.hpp"
#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"
#include "crypto/pkey.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

constexpr int salt_length = 48;

// Binds the scheme to a context that was initialised for signing or verifying.
bool use_pss_sha384(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context, EVP_sha384()) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha384()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt_length) == 1;
}

// The modulus out of a SubjectPublicKeyInfo that is encoded as AMD's are (x509_encodings.hpp).
std::optional<ByteView> modulus_in(ByteView info) noexcept {
  constexpr auto& prefix = rsa_4096_public_key_prefix;
  constexpr auto& suffix = rsa_4096_public_key_suffix;
  if (info.size() != prefix.size() + rsa_4096_size + suffix.size() ||
      !std::ranges::equal(info.first<prefix.size()>(), prefix) ||
      !std::ranges::equal(info.last<suffix.size()>(), suffix)) {
    return std::nullopt;
  }
  const ByteView modulus = info.subspan(prefix.size(), rsa_4096_size);
  if (modulus.front() < 0x80) return std::nullopt;  // shorter than 4096 bits
  return modulus;
}

// What kind of key it is instead, for messages.
std::string kind_of(ByteView info) {
  const std::uint8_t* at = info.data();
  const UniquePkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(info.size())));
  const std::string name = pkey_name(key.get());
  return name == rsa_4096_name ? name + " in an unusual encoding" : name;
}

}  // namespace

Result<RsaPublicKey> RsaPublicKey::from_der(ByteView subject_public_key_info) {
  const OpensslErrors errors;
  const auto modulus = modulus_in(subject_public_key_info);
  if (!modulus) {
    return fail(Code::unsupported, "the key is {}, wanted {}", kind_of(subject_public_key_info),
                rsa_4096_name);
  }
  // OpenSSL's parameters hold integers in the machine's byte order.
  Bytes native(modulus->rbegin(), modulus->rend());
  unsigned exponent = RSA_F4;
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native.data(), native.size()),
      OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent), OSSL_PARAM_construct_end()};
  const UniquePkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        const_cast<OSSL_PARAM*>(parameters.data())) != 1) {
    return fail(Code::unsupported, "take an RSA public key: {}", errors.reason());
  }
  return RsaPublicKey(std::shared_ptr<EVP_PKEY>(key, &EVP_PKEY_free),
                      Bytes(subject_public_key_info.begin(), subject_public_key_info.end()));
}

Status RsaPublicKey::verify(ByteView message, ByteView signature) const {
  const Sha384Digest digest = sha384(message);
  const OpensslErrors errors;
  const UniquePkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 || !use_pss_sha384(context.get())) {
    return fail(Code::unsupported, "check an RSASSA-PSS signature: {}", errors.reason());
  }
  if (EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                      digest.size()) != 1) {
    return fail(Code::not_genuine, "the RSASSA-PSS signature does not fit the {} bytes: {}",
                message.size(), errors.reason());
  }
  return {};
}

void RsaPrivateKey::FreeKey::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

Result<RsaPrivateKey> RsaPrivateKey::from_key(UniqueKey key) {
  const OpensslErrors errors;
  const Bytes der = encode(&i2d_PUBKEY, static_cast<const EVP_PKEY*>(key.get()));
  EXTREQ_TRY_ASSIGN(auto public_key, RsaPublicKey::from_der(der));
  return RsaPrivateKey(std::move(key), std::move(public_key));
}

Result<RsaPrivateKey> RsaPrivateKey::generate() {
  const OpensslErrors errors;
  UniqueKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{4096}));
  if (!key) return fail(Code::unsupported, "make an RSA-4096 key: {}", errors.reason());
  return from_key(std::move(key));
}

Result<RsaPrivateKey> RsaPrivateKey::load(const std::string& path) {
  constexpr std::size_t limit = 1U << 16U;
  EXTREQ_TRY_ASSIGN(Bytes pem, read_file(path, limit));
  auto key = from_pem(pem);
  wipe(pem);
  if (!key) return fail(key.error().code, "{}: {}", path, key.error().message);
  return key;
}

Result<RsaPrivateKey> RsaPrivateKey::from_pem(ByteView pem) {
  EXTREQ_TRY_ASSIGN(UniquePkey pem_key, private_key_from_pem(pem));
  auto result = from_key(UniqueKey(pem_key.release()));
  if (!result) return result;
  // A key whose parts do not belong together would sign what nobody can verify.
  constexpr std::array<std::uint8_t, 4> probe = {'t', 'e', 's', 't'};
  const auto signature = result->sign(probe);
  if (!signature || !result->public_key().verify(probe, *signature)) {
    return fail(Code::invalid_input, "the RSA private key contradicts its own public part");
  }
  return result;
}

Status RsaPrivateKey::save(const std::string& path) const {
  const OpensslErrors errors;
  const UniqueBio bio(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    return fail(Code::unsupported, "write an RSA private key as PEM: {}", errors.reason());
  }
  Bytes pem(BIO_ctrl_pending(bio.get()));
  const int size = BIO_read(bio.get(), pem.data(), static_cast<int>(pem.size()));
  auto status = std::cmp_equal(size, pem.size())
                    ? replace_file(path, pem, 0600)
                    : Status(fail(Code::unsupported, "write an RSA private key as PEM"));
  wipe(pem);
  return status;
}

Result<Bytes> RsaPrivateKey::sign(ByteView message) const {
  const OpensslErrors errors;
  const UniquePkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  const Sha384Digest digest = sha384(message);
  Bytes signature(rsa_4096_size);
  std::size_t size = signature.size();
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 || !use_pss_sha384(context.get()) ||
      EVP_PKEY_sign(context.get(), signature.data(), &size, digest.data(), digest.size()) != 1 ||
      size != signature.size()) {
    return fail(Code::unsupported, "make an RSASSA-PSS signature: {}", errors.reason());
  }
  return signature;
}

}  // namespace extreq::crypto
