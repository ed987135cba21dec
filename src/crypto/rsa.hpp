// RSA-4096 as AMD's roots use it: RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes
// (RFC 8017 section 8.1). OpenSSL stands behind it.
//
// Threading: const objects may be used from any number of threads.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace extreq::crypto {

constexpr std::size_t rsa_4096_size = 512;

// A modulus of 4096 bits with the public exponent 65537. A handle: copies share the key.
class RsaPublicKey {
 public:
  // From a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7). Failure: unsupported for another
  // kind of key, which the message names, and for any other bytes.
  [[nodiscard]] static Result<RsaPublicKey> from_der(ByteView subject_public_key_info);

  // SubjectPublicKeyInfo.
  [[nodiscard]] const Bytes& der() const noexcept { return *der_; }

  // Failure: not_genuine if `signature` is not this key's over `message`; unsupported if OpenSSL
  // cannot check it.
  [[nodiscard]] Status verify(ByteView message, ByteView signature) const;

  friend bool operator==(const RsaPublicKey& a, const RsaPublicKey& b) {
    return *a.der_ == *b.der_;
  }

 private:
  RsaPublicKey(std::shared_ptr<evp_pkey_st> key, Bytes der)
      : key_(std::move(key)), der_(std::make_shared<const Bytes>(std::move(der))) {}

  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<const Bytes> der_;
};

// Move only; OpenSSL wipes the key with the object. An object moved from may only be destroyed or
// assigned to.
class RsaPrivateKey {
 public:
  // Takes a second or so. Failure: unsupported with OpenSSL's reason.
  [[nodiscard]] static Result<RsaPrivateKey> generate();

  // A file with one PEM block, PKCS#8 and unencrypted. Failure: that of read_file(); invalid_input
  // or unsupported as for from_pem().
  [[nodiscard]] static Result<RsaPrivateKey> load(const std::string& path);

  // Failure: invalid_input if there is no unencrypted private key, or if the parts of the key do
  // not belong together; unsupported if it is another kind of key than RSA-4096 with exponent
  // 65537.
  [[nodiscard]] static Result<RsaPrivateKey> from_pem(ByteView pem);

  // Writes what load() reads, with mode 0600, by replace_file(). Failure: that of replace_file().
  [[nodiscard]] Status save(const std::string& path) const;

  [[nodiscard]] const RsaPublicKey& public_key() const noexcept { return public_key_; }

  // 512 bytes; two signatures over one message differ (random salt). Failure: unsupported with
  // OpenSSL's reason.
  [[nodiscard]] Result<Bytes> sign(ByteView message) const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const noexcept;
  };
  using UniqueKey = std::unique_ptr<evp_pkey_st, FreeKey>;

  RsaPrivateKey(UniqueKey key, RsaPublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  [[nodiscard]] static Result<RsaPrivateKey> from_key(UniqueKey key);

  UniqueKey key_;
  RsaPublicKey public_key_;
};

}  // namespace extreq::crypto
