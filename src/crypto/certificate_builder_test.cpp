#include "crypto/certificate_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "crypto/openssl.hpp"
#include "crypto/test_bytes.hpp"
#include "crypto/test_certificates.hpp"
#include "crypto/test_keys.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using std::chrono::sys_days;
using std::chrono::year;
using testing::HasSubstr;
using UniqueX509 = std::unique_ptr<X509, OwnedBy<&X509_free>>;

UniqueX509 openssl_of(const Certificate& certificate) {
  const std::uint8_t* at = certificate.der().data();
  return UniqueX509(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
}

bool contains(ByteView bytes, ByteView part) {
  return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end();
}

// OpenSSL's own path validation, strict, as the second opinion.
TEST(IssueCertificate, OpensslAcceptsTheWholeChain) {
  const auto root = openssl_of(test_root());
  const auto intermediate = openssl_of(test_intermediate());
  const auto leaf = openssl_of(test_leaf());
  ASSERT_TRUE(root && intermediate && leaf);
  const std::unique_ptr<X509_STORE, OwnedBy<&X509_STORE_free>> store(X509_STORE_new());
  ASSERT_EQ(X509_STORE_add_cert(store.get(), root.get()), 1);
  STACK_OF(X509)* const untrusted = sk_X509_new_null();
  sk_X509_push(untrusted, intermediate.get());
  const std::unique_ptr<X509_STORE_CTX, OwnedBy<&X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  ASSERT_EQ(X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), untrusted), 1);
  X509_STORE_CTX_set_time(context.get(), 0, 1'800'000'000);
  EXPECT_EQ(X509_verify_cert(context.get()), 1)
      << X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  sk_X509_free(untrusted);
  EXPECT_EQ(X509_verify(leaf.get(), X509_get0_pubkey(intermediate.get())), 1);
  EXPECT_NE(X509_verify(leaf.get(), X509_get0_pubkey(root.get())), 1);
}

TEST(IssueCertificate, TheTrailerFieldIsWrittenOnlyIfAskedFor) {
  auto content = test_leaf_content();
  const auto amd = issue_certificate(content, test_rsa_key("ask"));
  content.explicit_trailer_field = false;
  const auto plain = issue_certificate(content, test_rsa_key("ask"));
  ASSERT_TRUE(amd && plain);
  EXPECT_TRUE(contains(amd->der(), rsassa_pss_sha384_with_trailer));
  EXPECT_FALSE(contains(amd->der(), rsassa_pss_sha384));
  EXPECT_TRUE(contains(plain->der(), rsassa_pss_sha384));
  EXPECT_FALSE(contains(plain->der(), rsassa_pss_sha384_with_trailer));
  EXPECT_EQ(amd->der().size(), plain->der().size() + 10);
  EXPECT_TRUE(amd->check_signed_by(test_intermediate()));
  EXPECT_TRUE(plain->check_signed_by(test_intermediate()));
}

TEST(IssueCertificate, TimesAreWrittenInBothForms) {
  auto content = test_leaf_content();
  for (const auto time : {std::chrono::sys_seconds(sys_days(year(1970) / 1 / 1)),
                          sys_days(year(2024) / 2 / 29) + std::chrono::seconds(86399),
                          sys_days(year(2049) / 12 / 31) + std::chrono::seconds(86399),
                          std::chrono::sys_seconds(sys_days(year(2050) / 1 / 1)),
                          sys_days(year(9999) / 12 / 31) + std::chrono::seconds(86399)}) {
    content.not_before = time;
    content.not_after = time;
    const auto certificate = issue_certificate(content, test_rsa_key("ask"));
    ASSERT_TRUE(certificate) << certificate.error().message;
    EXPECT_EQ(certificate->not_before(), time);
    EXPECT_EQ(certificate->not_after(), time);
  }
  for (const auto time : {std::chrono::sys_seconds(sys_days(year(10000) / 1 / 1)),
                          sys_days(year(0) / 1 / 1) - std::chrono::seconds(1),
                          std::chrono::sys_seconds::max(), std::chrono::sys_seconds::min()}) {
    content.not_after = time;
    const auto certificate = issue_certificate(content, test_rsa_key("ask"));
    ASSERT_FALSE(certificate);
    EXPECT_EQ(certificate.error().code, Code::invalid_input);
    EXPECT_THAT(certificate.error().message, HasSubstr("cannot be written in a certificate"));
  }
}

TEST(IssueCertificate, SerialNumbersNeedNoSign) {
  auto content = test_leaf_content();
  const std::vector<std::pair<std::uint64_t, const char*>> serials = {
      {0, "00"},
      {0x7F, "7f"},
      {0x80, "80"},
      {0x10000, "010000"},
      {1ULL << 63U, "8000000000000000"}};
  for (const auto& [serial, text] : serials) {
    content.serial = serial;
    const auto certificate = issue_certificate(content, test_rsa_key("ask"));
    ASSERT_TRUE(certificate) << certificate.error().message;
    EXPECT_EQ(to_hex(certificate->serial()), text);
  }
}

TEST(IssueCertificate, WhatCannotBeEncodedIsRefusedByName) {
  const auto message = [](const CertificateContent& content) {
    const auto certificate = issue_certificate(content, test_rsa_key("ask"));
    EXPECT_FALSE(certificate);
    EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
    if (certificate) return std::string();
    EXPECT_EQ(certificate.error().code, Code::invalid_input);
    return certificate.error().message;
  };
  auto content = test_leaf_content();
  content.subject.country = "USA";
  EXPECT_THAT(message(content), HasSubstr("\"USA\" cannot be the countryName of a name: "));
  content = test_leaf_content();
  content.issuer.common_name = std::string(65, 'x');
  EXPECT_THAT(message(content), HasSubstr("cannot be the commonName of a name: "));
  content = test_leaf_content();
  content.subject.common_name = "\xff";
  EXPECT_THAT(message(content), HasSubstr("cannot be the commonName of a name: "));
  content = test_leaf_content();
  content.extensions[0].oid = "subjectAltName";
  EXPECT_THAT(message(content),
              HasSubstr("\"subjectAltName\" is not a dotted object identifier: "));
}

// The signed part has nothing random in it: given what AMD was given, the builder must write AMD's
// bytes.
class AsAmdWrites : public testing::TestWithParam<const char*> {};

TEST_P(AsAmdWrites, ToTheByte) {
  const auto file = real_data(GetParam());
  ASSERT_TRUE(file) << "EXTREQ_TESTDATA lacks " << GetParam();
  const auto certificates = Certificate::from_pem_or_der(*file);
  ASSERT_TRUE(certificates) << certificates.error().message;
  for (const auto& amd : *certificates) {
    const auto name = [](const std::string& common_name) {
      return DistinguishedName{"Engineering", "US", "Santa Clara", "CA", "Advanced Micro Devices",
                               common_name};
    };
    std::uint64_t serial = 0;
    for (const std::uint8_t byte : amd.serial()) serial = serial << 8U | byte;
    const auto key = [&]() -> std::variant<RsaPublicKey, EcdsaP384PublicKey> {
      if (amd.rsa_4096_key()) return amd.rsa_4096_key().value();
      return amd.ecdsa_p384_key().value();
    };
    const auto ours = issue_certificate(
        {.serial = serial,
         .issuer = name(amd.issuer_common_name()),
         .subject = name(amd.subject_common_name()),
         .not_before = amd.not_before(),
         .not_after = amd.not_after(),
         .subject_key = key(),
         .authority = std::nullopt,
         .extensions = amd.extensions(),
         .explicit_trailer_field = contains(amd.der(), rsassa_pss_sha384_with_trailer)},
        test_rsa_key("ark"));
    ASSERT_TRUE(ours) << ours.error().message;
    ASSERT_EQ(ours->der().size(), amd.der().size()) << amd.subject();
    const std::size_t signed_part = amd.der().size() - rsa_4096_size;
    EXPECT_EQ(to_hex(ByteView(ours->der()).first(signed_part)),
              to_hex(ByteView(amd.der()).first(signed_part)))
        << amd.subject();
  }
}

INSTANTIATE_TEST_SUITE_P(IssueCertificate, AsAmdWrites,
                         testing::Values("milan/vcek.der", "turin/vcek.der",
                                         "roots/milan_vcek_chain.pem", "roots/genoa_vlek_chain.pem",
                                         "roots/turin_vcek_chain.pem"));

}  // namespace
}  // namespace extreq::crypto
