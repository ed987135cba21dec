#include "crypto/x509.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/temporary_directory.hpp"
#include "crypto/der.hpp"
#include "crypto/openssl.hpp"
#include "crypto/test_bytes.hpp"
#include "crypto/test_certificates.hpp"
#include "crypto/test_der_mutants.hpp"
#include "crypto/test_keys.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using std::chrono::sys_days;
using std::chrono::year;
using testing::HasSubstr;

void expect_unreadable(ByteView der, const std::string& why) {
  const auto certificate = Certificate::from_der(der);
  ASSERT_FALSE(certificate) << "wanted: " << why;
  EXPECT_EQ(certificate.error().code, Code::invalid_input);
  EXPECT_THAT(certificate.error().message, HasSubstr(why));
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(Certificate, SaysWhatItsIssuerWrote) {
  const auto& root = test_root();
  EXPECT_EQ(root.subject(),
            "OU = Engineering, C = US, L = Santa Clara, ST = CA, "
            "O = \"A model, not a manufacturer\", CN = ARK-Test");
  EXPECT_EQ(root.issuer(), root.subject());
  EXPECT_EQ(root.subject_common_name(), "ARK-Test");
  EXPECT_EQ(root.issuer_common_name(), "ARK-Test");
  EXPECT_EQ(to_hex(root.serial()), "010000");
  EXPECT_EQ(root.not_before(), sys_days(year(2024) / 2 / 29) + std::chrono::hours(12));
  EXPECT_EQ(root.not_after(), sys_days(year(2049) / 2 / 28) + std::chrono::hours(12));
  EXPECT_TRUE(root.is_ca());
  EXPECT_EQ(root.path_length(), std::nullopt);
  EXPECT_TRUE(root.may_sign_certificates());
  EXPECT_TRUE(root.may_sign_crls());
  EXPECT_TRUE(root.rsa_4096_key());
  EXPECT_EQ(root.public_key_name(), "RSA-4096");
  ASSERT_TRUE(root.rsa_4096_key());
  EXPECT_TRUE(*root.rsa_4096_key() == test_rsa_key("ark").public_key());

  const auto& intermediate = test_intermediate();
  EXPECT_TRUE(intermediate.is_ca());
  EXPECT_EQ(intermediate.path_length(), 0U);
  EXPECT_TRUE(intermediate.may_sign_certificates());
  EXPECT_FALSE(intermediate.may_sign_crls());

  const auto& leaf = test_leaf();
  EXPECT_EQ(leaf.issuer_common_name(), "SEV-Test");
  EXPECT_EQ(to_hex(leaf.serial()), "00");
  EXPECT_FALSE(leaf.is_ca());
  EXPECT_EQ(leaf.path_length(), std::nullopt);
  EXPECT_FALSE(leaf.rsa_4096_key());
  EXPECT_EQ(leaf.public_key_name(), "ECDSA P-384");
  ASSERT_TRUE(leaf.ecdsa_p384_key());
  EXPECT_TRUE(*leaf.ecdsa_p384_key() ==
              std::get<EcdsaP384PublicKey>(test_leaf_content().subject_key));
}

TEST(Certificate, AKeyOfAnotherKindIsNamed) {
  const auto ecdsa = test_root().ecdsa_p384_key();
  ASSERT_FALSE(ecdsa);
  EXPECT_EQ(ecdsa.error().code, Code::unsupported);
  EXPECT_THAT(ecdsa.error().message, HasSubstr("is RSA-4096, wanted ECDSA P-384"));
  const auto rsa = test_leaf().rsa_4096_key();
  ASSERT_FALSE(rsa);
  EXPECT_THAT(rsa.error().message, HasSubstr("is ECDSA P-384, wanted RSA-4096"));
}

TEST(Certificate, ExtensionsAreFoundByOid) {
  const auto& leaf = test_leaf();
  EXPECT_EQ(leaf.extensions(), test_leaf_content().extensions);
  EXPECT_EQ(leaf.extension("1.3.6.1.4.1.3704.1.4").value(), Bytes(64, 0x5A));
  EXPECT_EQ(leaf.extension("1.3.6.1.4.1.3704.1.3.8").value(), hex("020200d9"));
  EXPECT_EQ(leaf.extension("1.3.6.1.4.1.3704.1.3").value(), std::nullopt);
  EXPECT_EQ(test_root().extension("2.5.29.19").value(), hex("30030101ff"));
  for (const char* const wrong : {"", "1", "basicConstraints", "1.2.x", " 1.2"}) {
    const auto extension = leaf.extension(wrong);
    ASSERT_FALSE(extension) << wrong;
    EXPECT_EQ(extension.error().code, Code::invalid_input);
  }
}

TEST(Certificate, IsSignedByItsIssuerOnly) {
  EXPECT_TRUE(test_root().check_signed_by(test_root()));
  EXPECT_TRUE(test_intermediate().check_signed_by(test_root()));
  EXPECT_TRUE(test_leaf().check_signed_by(test_intermediate()));
  const auto status = test_leaf().check_signed_by(test_root());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_genuine);
  EXPECT_THAT(status.error().message, HasSubstr("CN = SEV-VCEK\" is not signed by \"OU = "));
  EXPECT_FALSE(test_root().check_signed_by(test_intermediate()));
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(Certificate, AnEcdsaKeyIsNoIssuer) {
  const auto status = test_leaf().check_signed_by(test_leaf());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_genuine);
  EXPECT_THAT(status.error().message, HasSubstr("is ECDSA P-384, it cannot have signed"));
}

TEST(Certificate, TheIssuersNameIsComparedByteForByte) {
  EXPECT_TRUE(test_leaf().issued_by_name(test_intermediate()));
  EXPECT_TRUE(test_intermediate().issued_by_name(test_root()));
  EXPECT_TRUE(test_root().issued_by_name(test_root()));
  EXPECT_FALSE(test_leaf().issued_by_name(test_root()));
  auto content = test_intermediate_content();
  content.subject.common_name = "sev-test";
  const auto lower_case = issue_certificate(content, test_rsa_key("ark"));
  ASSERT_TRUE(lower_case);
  EXPECT_FALSE(test_leaf().issued_by_name(*lower_case));
}

TEST(Certificate, EveryFlippedByteIsNoticed) {
  Bytes der = test_leaf().der();
  for (std::size_t i = 0; i < der.size(); ++i) {
    const auto mask = static_cast<std::uint8_t>(1U << i % 8);
    der[i] ^= mask;
    const auto certificate = Certificate::from_der(der);
    if (certificate) {
      EXPECT_FALSE(certificate->check_signed_by(test_intermediate())) << i;
    }
    der[i] ^= mask;
  }
  EXPECT_TRUE(Certificate::from_der(der)->check_signed_by(test_intermediate()));
}

TEST(Certificate, EveryTruncationIsRefused) {
  const Bytes& der = test_leaf().der();
  for (std::size_t size = 0; size < der.size(); ++size) {
    const Bytes part(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(Certificate::from_der(part)) << size;
  }
}

TEST(Certificate, BytesBehindItAreRefused) {
  Bytes der = test_leaf().der();
  der.push_back(0);
  expect_unreadable(der, "the certificate: 1 bytes too many at its end, 00");
  const Bytes& root = test_root().der();
  der.pop_back();
  der.insert(der.end(), root.begin(), root.end());
  expect_unreadable(der, fmt::format("the certificate: {} bytes too many", root.size()));
}

// The leaf with one element of its TBSCertificate replaced; the signature no longer fits.
enum Part : std::size_t {
  version_part = 0,
  serial_part = 1,
  issuer_part = 3,
  validity_part = 4,
  subject_part = 5,
  public_key_part = 6,
  extensions_part = 7,
};

Bytes with_part(Part part, const Bytes& element) {
  DerNode tree = der_tree(test_leaf().der()).value();
  tree.children[0].children[part] = der_tree(element).value();
  return encode_tree(tree);
}

TEST(Certificate, OnlyVersion3IsRead) {
  expect_unreadable(with_part(version_part, hex("a003020101")),
                    "version is 020101, expected 020102 (version 3)");
  DerNode tree = der_tree(test_leaf().der()).value();
  tree.children[0].children.erase(tree.children[0].children.begin());
  expect_unreadable(encode_tree(tree), "the certificate's version: found 020100");
}

TEST(Certificate, ASerialNumberIsNeitherNegativeNorTooLong) {
  const auto with_serial = [](const Bytes& number) {
    return with_part(serial_part, make_der(der_integer, {number}));
  };
  for (const Bytes& wrong : {Bytes{0x80}, Bytes{}, Bytes{0, 0x7F}, Bytes{0, 0}, Bytes(21, 0x01)}) {
    expect_unreadable(with_serial(wrong), "serial number is " + shown_der(wrong));
  }
  const auto longest = Certificate::from_der(with_serial(Bytes(20, 0x7F)));
  ASSERT_TRUE(longest) << longest.error().message;
  EXPECT_EQ(longest->serial(), Bytes(20, 0x7F));
}

TEST(Certificate, TimesAreInUtcAndExistAndHaveOneEncoding) {
  const auto with_times = [](std::uint8_t kind, const char* not_before, const char* not_after) {
    return with_part(validity_part,
                     make_der(der_sequence, {make_der(der_utc_time, {to_bytes(not_before)}),
                                             make_der(kind, {to_bytes(not_after)})}));
  };
  const auto good =
      Certificate::from_der(with_times(der_utc_time, "500101000000Z", "491231235959Z"));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->not_before(), sys_days(year(1950) / 1 / 1));
  EXPECT_EQ(good->not_after(), sys_days(year(2049) / 12 / 31) + std::chrono::seconds(86399));
  const auto late =
      Certificate::from_der(with_times(der_generalized_time, "500101000000Z", "20500101000000Z"));
  ASSERT_TRUE(late) << late.error().message;
  EXPECT_EQ(late->not_after(), sys_days(year(2050) / 1 / 1));
  expect_unreadable(with_times(der_utc_time, "240229120000+0000", "491231235959Z"),
                    "notBefore is the UTCTime \"240229120000+0000\", expected YYMMDDHHMMSSZ");
  for (const char* const wrong :
       {"250229120000Z", "240229240000Z", "240229126000Z", "240229120060Z", "2402291200Z",
        "24022912000Z", "2402291200 0Z", "", "240229120000z", "20240229120000Z"}) {
    expect_unreadable(with_times(der_utc_time, "240229120000Z", wrong), "notAfter is the UTCTime");
  }
  for (const char* const wrong : {"20491231235959Z", "20500101000000.0Z", "20500101000000+0000"}) {
    expect_unreadable(with_times(der_generalized_time, "240229120000Z", wrong),
                      "notAfter is the GeneralizedTime");
  }
}

TEST(Certificate, AKeyOffTheCurveIsRefused) {
  Bytes key(p384_public_key_prefix.begin(), p384_public_key_prefix.end());
  key.resize(key.size() + 2 * p384_size, 0x01);
  expect_unreadable(with_part(public_key_part, key), "is not a point of the curve P-384");
}

TEST(Certificate, KeysOfOtherKindsAreRefusedByName) {
  const auto qx = test_leaf().ecdsa_p384_key()->qx();
  Bytes compressed = hex("3046301006072a8648ce3d020106052b8104002203320002");
  compressed.insert(compressed.end(), qx.begin(), qx.end());
  const auto der_of = [](const UniquePkey& key) {
    return encode(&i2d_PUBKEY, static_cast<const EVP_PKEY*>(key.get()));
  };
  const std::vector<std::pair<Bytes, const char*>> refused = {
      {compressed, "as RSA: the key is ECDSA P-384, wanted RSA-4096"},
      {hex("300b3006060453040506030100"), "as RSA: the key is of an unknown kind, wanted RSA-4096"},
      {der_of(UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}))),
       "as RSA: the key is RSA-2048, wanted RSA-4096"},
      {der_of(UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))),
       "as RSA: the key is EC on prime256v1, wanted RSA-4096"}};
  for (const auto& [key, why] : refused) expect_unreadable(with_part(public_key_part, key), why);
}

TEST(Certificate, TheUnsignedCopyOfTheAlgorithmMustEqualTheSignedOne) {
  DerNode tree = der_tree(test_leaf().der()).value();
  tree.children[1] = der_tree(rsassa_pss_sha384).value();
  expect_unreadable(encode_tree(tree), "signatureAlgorithm differs from the one that is signed");
}

TEST(Certificate, ASignatureHasTheKeysSizeInWholeBytes) {
  DerNode tree = der_tree(test_leaf().der()).value();
  Bytes& signature = tree.children[2].content;
  ASSERT_EQ(signature.size(), 1 + rsa_4096_size);
  signature[0] = 1;
  signature.back() &= 0xFE;
  expect_unreadable(encode_tree(tree), "expected a BIT STRING of 512 whole bytes");
  signature[0] = 0;
  signature.pop_back();
  expect_unreadable(encode_tree(tree), "expected a BIT STRING of 512 whole bytes");
}

TEST(Certificate, AnExtensionTwiceIsRefused) {
  auto content = test_leaf_content();
  content.extensions.push_back(content.extensions.front());
  const auto certificate = issue_certificate(content, test_rsa_key("ask"));
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().message,
            "the certificate has the extension 1.3.6.1.4.1.3704.1.1 twice");
}

std::string refusal_with(const CertificateExtension& extension) {
  auto content = test_leaf_content();
  content.extensions.push_back(extension);
  const auto certificate = issue_certificate(content, test_rsa_key("ask"));
  return certificate ? "taken" : certificate.error().message;
}

TEST(Certificate, BasicConstraintsHaveOneEncoding) {
  for (const char* const text : {"3000", "30030101ff", "30060101ff020100", "30060101ff02017f"}) {
    EXPECT_EQ(refusal_with({"2.5.29.19", true, hex(text)}), "taken") << text;
    EXPECT_EQ(refusal_with({"2.5.29.19", false, hex(text)}), "taken") << text;
  }
  for (const char* const text :
       {"", "3005", "3003010100", "3003010101", "3003020100", "30060101ff020180",
        "30070101ff02020001", "3081030101ff", "30030101ff00"}) {
    EXPECT_THAT(refusal_with({"2.5.29.19", true, hex(text)}), HasSubstr("basicConstraints are"))
        << text;
  }
}

TEST(Certificate, KeyUsageIsOneByteOfBitsWithOrWithoutTrailingZeros) {
  for (const char* const text : {"03020204", "03020004", "03020780", "030200ff"}) {
    EXPECT_EQ(refusal_with({"2.5.29.15", true, hex(text)}), "taken") << text;
  }
  for (const char* const text :
       {"", "03020000", "03020104ff", "03020304", "03020804", "0303070680", "230403020204"}) {
    EXPECT_THAT(refusal_with({"2.5.29.15", true, hex(text)}), HasSubstr("keyUsage is")) << text;
  }
}

// RFC 5280 section 4.2: what is critical and not processed, is refused.
TEST(Certificate, ACriticalExtensionThatNobodyProcessesIsRefused) {
  const std::vector<CertificateExtension> extensions = {
      {"1.3.6.1.4.1.3704.9.9", true, hex("0500")},
      {"1.3.6.1.4.1.3704.1.1", true, hex("020100")},
      // nameConstraints: permitted is the DNS name "a"; policyConstraints: requireExplicitPolicy 0;
      // extKeyUsage: serverAuth; certificatePolicies: any; subjectAltName: the DNS name "a".
      {"2.5.29.30", true, hex("3007a0053003820161")},
      {"2.5.29.36", true, hex("3003800100")},
      {"2.5.29.37", true, hex("300a06082b06010505070301")},
      {"2.5.29.32", true, hex("300830060604551d2000")},
      {"2.5.29.17", true, hex("3003820161")}};
  for (CertificateExtension extension : extensions) {
    auto content = test_leaf_content();
    content.extensions = {extension};
    auto certificate = issue_certificate(content, test_rsa_key("ask"));
    ASSERT_FALSE(certificate) << extension.oid;
    EXPECT_THAT(certificate.error().message,
                HasSubstr("critical extension " + extension.oid + ", expected none but"));
    content.extensions[0].critical = false;
    certificate = issue_certificate(content, test_rsa_key("ask"));
    EXPECT_TRUE(certificate) << extension.oid << ": one that is not critical is ignored";
  }
}

TEST(Certificate, AnExtensionThatIsNotCriticalDoesNotSayFalse) {
  const Bytes plain =
      hex("300c06032a0304"
          "0405"
          "aabbccddee");
  const Bytes written =
      hex("300f06032a0304"
          "010100"
          "0405"
          "aabbccddee");
  const auto with = [](const Bytes& one) {
    return with_part(extensions_part, make_der(der_context_3, {make_der(der_sequence, {one})}));
  };
  EXPECT_TRUE(Certificate::from_der(with(plain)));
  expect_unreadable(with(written), "list of extensions: found 010100");
  expect_unreadable(with_part(extensions_part, hex("a3023000")),
                    "list of extensions: found nothing");
}

TEST(Certificate, NumbersOfExtensionsAndOfAttributesAreBounded) {
  auto content = test_leaf_content();
  for (unsigned i = 0; content.extensions.size() < 32; ++i) {
    content.extensions.push_back({fmt::format("1.2.{}", 1000 + i), false, {}});
  }
  EXPECT_TRUE(issue_certificate(content, test_rsa_key("ask")));
  content.extensions.push_back({"1.2.3", false, {}});
  EXPECT_EQ(issue_certificate(content, test_rsa_key("ask")).error().message,
            "the certificate has more than 32 extensions");
  Bytes attributes;
  for (unsigned i = 0; i < 17; ++i) {
    const Bytes one = hex("310a300806035504060c0141");
    attributes.insert(attributes.end(), one.begin(), one.end());
  }
  expect_unreadable(with_part(subject_part, make_der(der_sequence, {attributes})),
                    "the certificate's subject has more than 16 attributes");
}

TEST(Certificate, NamesAreOfPlainTextAndKnownTypes) {
  const auto refusal = [](const std::string& common_name) {
    auto content = test_leaf_content();
    content.subject.common_name = common_name;
    const auto certificate = issue_certificate(content, test_rsa_key("ask"));
    return certificate ? "taken" : certificate.error().message;
  };
  EXPECT_EQ(refusal("SEV-VCEK (a.b), 1"), "taken");
  EXPECT_EQ(refusal(std::string(64, 'a')), "taken");
  for (const char* const wrong :
       {"a\nb \x1b[31m", "Caf\xc3\xa9", "a+b", "a=b", "a\"b", " a", "a ", "#a", "a;b", "a\\b"}) {
    EXPECT_THAT(refusal(wrong), HasSubstr("the certificate's subject has a CN that is not a"))
        << wrong;
  }
  const auto with_attribute = [](const Bytes& attribute) {
    return with_part(
        issuer_part,
        make_der(der_sequence, {make_der(der_set, {make_der(der_sequence, {attribute})})}));
  };
  expect_unreadable(with_attribute(hex("06092a864886f70d0109010c0141")),
                    "issuer has an attribute of the type 1.2.840.113549.1.9.1, expected CN");
  expect_unreadable(with_attribute(hex("06035504031e0141")), "issuer has a CN that is not a");
  expect_unreadable(with_attribute(hex("06035504030c0141"
                                       "0500")),
                    "issuer: 2 bytes too many");
  const Bytes common_name = hex("310a300806035504030c0141");
  expect_unreadable(with_part(issuer_part, make_der(der_sequence, {common_name, common_name})),
                    "the certificate's issuer has two CNs");
}

TEST(Certificate, CopiesShareAndMovedFromOnesStayWhole) {
  Certificate first = test_leaf();
  const Certificate second = std::move(first);  // NOLINT(performance-move-const-arg)
  EXPECT_EQ(first.der(), second.der());         // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(&first.der(), &second.der());
  EXPECT_TRUE(first == second);
  EXPECT_FALSE(first == test_root());
}

TEST(Certificate, PemHoldsAnyNumberOfBlocksAmongText) {
  const std::string text = "0 s:CN = text before\n" + *test_intermediate().to_pem() +
                           "text between\r\n" + *test_root().to_pem() + "text after\n";
  const auto certificates = Certificate::from_pem_or_der(to_bytes(text));
  ASSERT_TRUE(certificates) << certificates.error().message;
  ASSERT_EQ(certificates->size(), 2U);
  EXPECT_TRUE((*certificates)[0] == test_intermediate());
  EXPECT_TRUE((*certificates)[1] == test_root());
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

TEST(Certificate, PemMayHaveTheLineEndsOfOtherSystems) {
  std::string text = *test_leaf().to_pem();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
    text.insert(at, "\r");
  }
  const auto certificates = Certificate::from_pem_or_der(to_bytes(text));
  ASSERT_TRUE(certificates) << certificates.error().message;
  EXPECT_TRUE(certificates->front() == test_leaf());
}

TEST(Certificate, OneInDerIsRead) {
  const auto certificates = Certificate::from_pem_or_der(test_leaf().der());
  ASSERT_TRUE(certificates);
  ASSERT_EQ(certificates->size(), 1U);
  EXPECT_TRUE(certificates->front() == test_leaf());
}

TEST(Certificate, WhatIsNeitherPemNorDerIsDescribed) {
  const auto message = [](ByteView bytes) {
    const auto certificates = Certificate::from_pem_or_der(bytes);
    EXPECT_FALSE(certificates);
    EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
    return certificates ? std::string() : certificates.error().message;
  };
  EXPECT_EQ(message({}), "no certificate in 0 bytes");
  EXPECT_EQ(message(hex("0200000000")),
            "5 bytes that begin with 0200000000 are neither a certificate in DER nor in PEM");
  EXPECT_EQ(message(to_bytes("hello, world")),
            "12 bytes that begin with 68656c6c6f2c2077 are neither a certificate in DER nor in "
            "PEM");
  EXPECT_EQ(message(Bytes(Certificate::max_input + 1)),
            "1048577 bytes are more than the 1048576 accepted for certificates");
  EXPECT_EQ(message(to_bytes("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
            "PEM block 1 is a PRIVATE KEY, wanted a CERTIFICATE");
  EXPECT_EQ(message(to_bytes("-----BEGIN \x1b[2J\x1b[31mPWNED-----\nAAAA\n"
                             "-----END \x1b[2J\x1b[31mPWNED-----\n")),
            "PEM block 1 is a ?[2J?[31mPWNED, wanted a CERTIFICATE")
      << "no byte of a host's table may steer a terminal";
  const std::string good = *test_leaf().to_pem();
  EXPECT_THAT(message(to_bytes(good + "-----BEGIN CERTIFICATE-----\nAAAA\n")),
              HasSubstr("PEM block 2 is broken: "));
  EXPECT_THAT(message(to_bytes(good + "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                      "-----END CERTIFICATE-----\n")),
              HasSubstr("PEM block 2: the certificate: found 000000, expected DER"));
  EXPECT_THAT(message(to_bytes("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n")),
              HasSubstr("PEM block 1 is broken: "));
  Bytes longer = test_leaf().der();
  longer.push_back(0);
  EXPECT_THAT(message(longer), HasSubstr("the certificate: 1 bytes too many"));
}

// Certificates that OpenSSL alone makes, with what ours never have.
struct Foreign {
  UniquePkey key;
  const EVP_MD* digest = EVP_sha384();
  bool pss = true;
  int salt_length = 48;

  [[nodiscard]] Bytes make() const {
    const std::unique_ptr<X509, OwnedBy<&X509_free>> x509(X509_new());
    X509_set_version(x509.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 60);
    X509_set_pubkey(x509.get(), key.get());
    const UniqueDigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    EXPECT_EQ(EVP_DigestSignInit(context.get(), &parameters, digest, nullptr, key.get()), 1);
    if (pss) {
      EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_length);
    }
    EXPECT_GT(X509_sign_ctx(x509.get(), context.get()), 0);
    return encode(&i2d_X509, static_cast<const X509*>(x509.get()));
  }
};

UniquePkey rsa_key(std::size_t bits) {
  return UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
}

TEST(Certificate, OtherSignaturesAreRefusedByName) {
  expect_unreadable(
      Foreign{.key = rsa_key(2048), .pss = false}.make(),
      "signatureAlgorithm is 1.2.840.113549.1.1.12 with the parameters 0500, expected "
      "RSASSA-PSS with SHA-384 and a salt of 48 bytes");
  expect_unreadable(Foreign{.key = rsa_key(2048), .salt_length = 32}.make(),
                    "signatureAlgorithm is 1.2.840.113549.1.1.10 with the parameters 3034");
  expect_unreadable(Foreign{.key = rsa_key(2048), .digest = EVP_sha256()}.make(),
                    "signatureAlgorithm is 1.2.840.113549.1.1.10 with the parameters 3034");
  expect_unreadable(
      Foreign{.key = UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384")), .pss = false}
          .make(),
      "signatureAlgorithm is 1.2.840.10045.4.3.3 with the parameters nothing");
  expect_unreadable(Foreign{.key = UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")),
                            .digest = nullptr,
                            .pss = false}
                        .make(),
                    "signatureAlgorithm is 1.3.101.112");
}

TEST(Certificate, ASignatureByAShorterRsaKeyIsRefused) {
  expect_unreadable(Foreign{.key = rsa_key(2048)}.make(),
                    "expected a BIT STRING of 512 whole bytes");
}

TEST(Certificate, WhatOpensslSignsTheSameWayIsGenuine) {
  const auto folder = TemporaryDirectory::create("x509_test").value();
  const std::string path = folder.path() + "/key.pem";
  ASSERT_TRUE(test_rsa_key("ark").save(path));
  const UniqueBio bio(BIO_new_file(path.c_str(), "r"));
  UniquePkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const auto certificate = Certificate::from_der(Foreign{.key = std::move(key)}.make()).value();
  EXPECT_TRUE(certificate.check_signed_by(certificate));
  EXPECT_TRUE(certificate.check_signed_by(test_root()));
  EXPECT_TRUE(certificate.may_sign_certificates()) << "without keyUsage nothing is excluded";
  EXPECT_FALSE(certificate.is_ca());
}

TEST(Certificate, ManyThreadsReadAndCheckOneCertificate) {
  const Certificate& leaf = test_leaf();
  const Certificate& intermediate = test_intermediate();
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const Certificate copy = leaf;  // NOLINT(performance-unnecessary-copy-initialization)
        ASSERT_TRUE(copy.check_signed_by(intermediate));
        ASSERT_TRUE(copy.extension("1.3.6.1.4.1.3704.1.4").value());
        ASSERT_TRUE(Certificate::from_der(copy.der()));
      }
    });
  }
}

}  // namespace
}  // namespace extreq::crypto
