#include "crypto/rsa.hpp"

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"
#include "crypto/test_keys.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using testing::HasSubstr;

Bytes pem_of(EVP_PKEY* key, const char* passphrase = nullptr) {
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(
      PEM_write_bio_PKCS8PrivateKey(
          bio.get(), key, passphrase != nullptr ? EVP_aes_256_cbc() : nullptr, passphrase,
          passphrase != nullptr ? static_cast<int>(std::strlen(passphrase)) : 0, nullptr, nullptr),
      1);
  return to_bytes(read_text(bio.get()));
}

Bytes public_der_of(EVP_PKEY* key) {
  return encode(&i2d_PUBKEY, static_cast<const EVP_PKEY*>(key));
}

// A signature that differs from ours in one parameter, made by OpenSSL alone.
Bytes openssl_signature(EVP_PKEY* key, ByteView message, const EVP_MD* digest, int padding,
                        int salt_length, const EVP_MD* mgf1) {
  const UniqueDigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  EXPECT_EQ(EVP_DigestSignInit(context.get(), &parameters, digest, nullptr, key), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(parameters, padding), 1);
  if (padding == RSA_PKCS1_PSS_PADDING) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_length), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, mgf1), 1);
  }
  Bytes signature(rsa_4096_size);
  std::size_t size = signature.size();
  EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()),
            1);
  return signature;
}

// The test key in OpenSSL's hands.
UniquePkey openssl_key(const RsaPrivateKey& key) {
  const auto folder = TemporaryDirectory::create("rsa_test").value();
  const std::string path = folder.path() + "/key.pem";
  EXPECT_TRUE(key.save(path));
  const UniqueBio bio(BIO_new_file(path.c_str(), "r"));
  return UniquePkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

TEST(Rsa, VerifiesWhatItSigns) {
  const auto& key = test_rsa_key("ark");
  const Bytes message = to_bytes("message");
  const auto signature = key.sign(message);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->size(), rsa_4096_size);
  EXPECT_TRUE(key.public_key().verify(message, *signature));
  EXPECT_NE(*key.sign(message), *signature) << "the salt must be random";
}

TEST(Rsa, RefusesAnotherMessageAnotherKeyAndEveryFlippedByte) {
  const auto& key = test_rsa_key("ark");
  const Bytes message = to_bytes("message");
  Bytes signature = key.sign(message).value();
  const auto other = key.public_key().verify(to_bytes("massage"), signature);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::not_genuine);
  EXPECT_FALSE(test_rsa_key("ask").public_key().verify(message, signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    const auto mask = static_cast<std::uint8_t>(1U << i % 8);
    signature[i] ^= mask;
    EXPECT_FALSE(key.public_key().verify(message, signature)) << i;
    signature[i] ^= mask;
  }
  EXPECT_TRUE(key.public_key().verify(message, signature));
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(Rsa, RefusesSignaturesOfAnotherLength) {
  const auto& key = test_rsa_key("ark");
  const Bytes message = to_bytes("message");
  const Bytes signature = key.sign(message).value();
  EXPECT_FALSE(key.public_key().verify(message, {}));
  EXPECT_FALSE(key.public_key().verify(message, ByteView(signature).first(511)));
  Bytes longer = signature;
  longer.push_back(0);
  EXPECT_FALSE(key.public_key().verify(message, longer));
  longer.pop_back();
  longer.insert(longer.begin(), 0);
  EXPECT_FALSE(key.public_key().verify(message, longer));
}

TEST(Rsa, RefusesEveryOtherParameter) {
  const auto& key = test_rsa_key("ark");
  const auto openssl = openssl_key(key);
  ASSERT_TRUE(openssl);
  const Bytes message = to_bytes("message");
  const auto verifies = [&](const EVP_MD* digest, int padding, int salt, const EVP_MD* mgf1) {
    const Bytes signature = openssl_signature(openssl.get(), message, digest, padding, salt, mgf1);
    return key.public_key().verify(message, signature).has_value();
  };
  EXPECT_TRUE(verifies(EVP_sha384(), RSA_PKCS1_PSS_PADDING, 48, EVP_sha384()));
  EXPECT_FALSE(verifies(EVP_sha384(), RSA_PKCS1_PSS_PADDING, 47, EVP_sha384()));
  EXPECT_FALSE(verifies(EVP_sha384(), RSA_PKCS1_PSS_PADDING, 0, EVP_sha384()));
  EXPECT_FALSE(verifies(EVP_sha384(), RSA_PKCS1_PSS_PADDING, 48, EVP_sha256()));
  EXPECT_FALSE(verifies(EVP_sha256(), RSA_PKCS1_PSS_PADDING, 48, EVP_sha256()));
  EXPECT_FALSE(verifies(EVP_sha512(), RSA_PKCS1_PSS_PADDING, 48, EVP_sha384()));
  EXPECT_FALSE(verifies(EVP_sha384(), RSA_PKCS1_PADDING, 0, nullptr));
}

TEST(RsaPrivateKey, ComesBackFromItsFileWhichOnlyTheOwnerReads) {
  const auto folder = TemporaryDirectory::create("rsa_test").value();
  const std::string path = folder.path() + "/key.pem";
  const auto& key = test_rsa_key("ark");
  ASSERT_TRUE(key.save(path));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const auto loaded = RsaPrivateKey::load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->public_key() == key.public_key());
  const Bytes message = to_bytes("message");
  EXPECT_TRUE(key.public_key().verify(message, loaded->sign(message).value()));
}

TEST(RsaPrivateKey, AFileThatIsMissingOrNoKeyIsNamed) {
  const auto folder = TemporaryDirectory::create("rsa_test").value();
  const std::string path = folder.path() + "/key.pem";
  EXPECT_EQ(RsaPrivateKey::load(path).error().code, Code::not_found);
  ASSERT_TRUE(replace_file(path, to_bytes("not a key\n"), 0600));
  const auto key = RsaPrivateKey::load(path);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::invalid_input);
  EXPECT_THAT(key.error().message, HasSubstr(path + ": no unencrypted private key in PEM: "));
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(RsaPrivateKey, OtherKindsOfKeysAreRefusedByName) {
  const UniquePkey rsa_2048(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  const UniquePkey p256(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const UniquePkey p384(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
  const UniquePkey ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const std::vector<std::pair<EVP_PKEY*, const char*>> refused = {
      {rsa_2048.get(), "the key is RSA-2048, wanted RSA-4096"},
      {p256.get(), "the key is EC on prime256v1, wanted RSA-4096"},
      {p384.get(), "the key is ECDSA P-384, wanted RSA-4096"},
      {ed25519.get(), "the key is ED25519, wanted RSA-4096"},
  };
  for (const auto& [key, message] : refused) {
    const auto private_key = RsaPrivateKey::from_pem(pem_of(key));
    ASSERT_FALSE(private_key);
    EXPECT_EQ(private_key.error().code, Code::unsupported);
    EXPECT_EQ(private_key.error().message, message);
    const auto public_key = RsaPublicKey::from_der(public_der_of(key));
    ASSERT_FALSE(public_key);
    EXPECT_EQ(public_key.error().message, message);
  }
}

TEST(RsaPrivateKey, AnEncryptedKeyIsRefusedWithoutAsking) {
  const auto openssl = openssl_key(test_rsa_key("ark"));
  const auto key = RsaPrivateKey::from_pem(pem_of(openssl.get(), "passphrase"));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::invalid_input);
}

TEST(RsaPrivateKey, AKeyThatContradictsItselfIsRefused) {
  const auto openssl = openssl_key(test_rsa_key("ark"));
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, OwnedBy<&PKCS8_PRIV_KEY_INFO_free>> pkcs8(
      EVP_PKEY2PKCS8(openssl.get()));
  Bytes der =
      encode(&i2d_PKCS8_PRIV_KEY_INFO, static_cast<const PKCS8_PRIV_KEY_INFO*>(pkcs8.get()));
  // The modulus is the first long number in it; its last byte is odd and stays so.
  constexpr std::size_t in_the_modulus = 300;
  der[in_the_modulus] ^= 0x10;
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), PEM_STRING_PKCS8INF, "", der.data(), static_cast<long>(der.size()));
  const auto key = RsaPrivateKey::from_pem(to_bytes(read_text(bio.get())));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::invalid_input);
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(RsaPublicKey, ComesBackFromItsDerAndRefusesTheRest) {
  const auto& key = test_rsa_key("ark").public_key();
  const auto again = RsaPublicKey::from_der(key.der());
  ASSERT_TRUE(again);
  EXPECT_TRUE(*again == key);
  EXPECT_FALSE(*again == test_rsa_key("ask").public_key());
  Bytes longer = key.der();
  longer.push_back(0);
  EXPECT_EQ(RsaPublicKey::from_der(longer).error().message,
            "the key is RSA-4096 in an unusual encoding, wanted RSA-4096");
  EXPECT_EQ(RsaPublicKey::from_der({}).error().message,
            "the key is of an unknown kind, wanted RSA-4096");
  EXPECT_EQ(RsaPublicKey::from_der(ByteView(key.der()).first(100)).error().code, Code::unsupported);
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(RsaPublicKey, AModulusOfFewerBitsIsNamed) {
  Bytes der = test_rsa_key("ark").public_key().der();
  der[rsa_4096_public_key_prefix.size()] = 0;
  EXPECT_EQ(RsaPublicKey::from_der(der).error().code, Code::unsupported);
}

TEST(Rsa, ManyThreadsUseOneKey) {
  const auto& key = test_rsa_key("ark");
  const Bytes message = to_bytes("message");
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto signature = key.sign(message);
        ASSERT_TRUE(signature);
        ASSERT_TRUE(key.public_key().verify(message, *signature));
      }
    });
  }
}

TEST(TestRsaKey, IsTheSameForOneRoleAndAnotherForAnother) {
  EXPECT_EQ(&test_rsa_key("ark"), &test_rsa_key("ark"));
  EXPECT_FALSE(test_rsa_key("ark").public_key() == test_rsa_key("ask").public_key());
}

TEST(TestRsaKey, IsKeptInAFolderOfTheOwners) {
  const char* const folder = std::getenv("EXTREQ_TEST_KEYS");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr)
    GTEST_SKIP() << "*** SKIPPED, NOT TESTED: EXTREQ_TEST_KEYS is not set: run this with ctest";
  const auto& key = test_rsa_key("ark");
  const auto kept = RsaPrivateKey::load(std::string(folder) + "/ark.pem");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_TRUE(kept->public_key() == key.public_key());
  struct stat status {};
  ASSERT_EQ(::stat(folder, &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

}  // namespace
}  // namespace extreq::crypto
