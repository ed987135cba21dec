#include "crypto/ecdsa_pem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/openssl.hpp"

namespace extreq::crypto {
namespace {

using testing::HasSubstr;

Bytes pem_of(EVP_PKEY* key, bool traditional, const char* passphrase = nullptr) {
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* const cipher = passphrase != nullptr ? EVP_aes_128_cbc() : nullptr;
  const int size = passphrase != nullptr ? 4 : 0;
  const auto* const kstr = static_cast<const unsigned char*>(static_cast<const void*>(passphrase));
  if (traditional) {
    EXPECT_EQ(
        PEM_write_bio_PrivateKey_traditional(bio.get(), key, cipher, kstr, size, nullptr, nullptr),
        1);
  } else {
    EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), key, cipher, kstr, size, nullptr, nullptr), 1);
  }
  return to_bytes(read_text(bio.get()));
}

TEST(P384PrivateKeyFromPem, ReadsBothFormsOfOneKey) {
  const UniquePkey key(EVP_EC_gen("P-384"));
  const auto pkcs8 = p384_private_key_from_pem(pem_of(key.get(), false));
  const auto sec1 = p384_private_key_from_pem(pem_of(key.get(), true));
  ASSERT_TRUE(pkcs8) << pkcs8.error().message;
  ASSERT_TRUE(sec1) << sec1.error().message;
  EXPECT_EQ(pkcs8->public_key(), sec1->public_key());
  Bytes point(97);
  std::size_t size = 0;
  ASSERT_EQ(EVP_PKEY_get_octet_string_param(key.get(), "pub", point.data(), point.size(), &size),
            1);
  EXPECT_EQ(to_hex(pkcs8->public_key().qx()), to_hex(ByteView(point).subspan(1, 48)));
}

TEST(P384PrivateKeyFromPem, RefusesOtherKeysAndWhatIsNone) {
  const UniquePkey other(EVP_EC_gen("P-256"));
  const auto refused = p384_private_key_from_pem(pem_of(other.get(), false));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported);
  const UniquePkey key(EVP_EC_gen("P-384"));
  EXPECT_FALSE(p384_private_key_from_pem(pem_of(key.get(), false, "word")));
  EXPECT_FALSE(p384_private_key_from_pem(to_bytes("no key")));
  EXPECT_FALSE(p384_private_key_from_pem({}));
}

}  // namespace
}  // namespace extreq::crypto
