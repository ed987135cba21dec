#include "crypto/x509.hpp"

#include <algorithm>
#include <thread>

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
  EXPECT_TRUE(root.is_rsa_4096());
  EXPECT_EQ(root.public_key_kind(), PublicKeyKind::rsa_4096);
  EXPECT_EQ(root.public_key_name(), "RSA-4096");
  ASSERT_TRUE(root.rsa_4096_key());
  EXPECT_TRUE(*root.rsa_4096_key() == test_rsa_key("ark").public_key());
  EXPECT_EQ(root.signature_algorithm(), "RSASSA-PSS with SHA-384 and a salt of 48 bytes");
  EXPECT_FALSE(root.has_unknown_critical_extension());

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
  EXPECT_FALSE(leaf.is_rsa_4096());
  EXPECT_EQ(leaf.public_key_kind(), PublicKeyKind::ecdsa_p384);
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
  const std::string size = std::to_string(der.size());
  der.push_back(0);
  expect_unreadable(der, "1 bytes follow the certificate's " + size);
  const Bytes& root = test_root().der();
  der.pop_back();
  der.insert(der.end(), root.begin(), root.end());
  expect_unreadable(der, std::to_string(root.size()) + " bytes follow the certificate's " + size);
}

TEST(Certificate, OtherEncodingsOfTheSameContentAreRefused) {
  const Bytes& der = test_leaf().der();
  ASSERT_EQ(to_hex(ByteView(der).first(2)), "3082");
  Bytes long_length = der;
  long_length[1] = 0x83;
  long_length.insert(long_length.begin() + 2, 0);
  expect_unreadable(long_length, "the certificate is not encoded in DER");
  Bytes indefinite(der.begin() + 4, der.end());
  indefinite.insert(indefinite.begin(), {0x30, 0x80});
  indefinite.insert(indefinite.end(), {0x00, 0x00});
  expect_unreadable(indefinite, "the certificate is not encoded in DER");
}

// The leaf with one element of its TBSCertificate replaced; the signature no longer fits.
enum Part : std::size_t {
  version_part = 0,
  serial_part = 1,
  validity_part = 4,
  public_key_part = 6
};

Bytes with_part(Part part, const Bytes& element) {
  ByteView rest = test_leaf().der();
  rest = take_der(rest).value().content;
  ByteView parts = take_der(rest).value().content;
  Bytes content;
  for (std::size_t i = 0; !parts.empty(); ++i) {
    const auto old = take_der(parts).value();
    const ByteView next = i == part ? ByteView(element) : old.whole;
    content.insert(content.end(), next.begin(), next.end());
  }
  return make_der(der_sequence, {make_der(der_sequence, {content}), rest});
}

TEST(Certificate, OnlyVersion3IsRead) {
  expect_unreadable(with_part(version_part, hex("a003020101")), "has X.509 version 2, wanted 3");
}

TEST(Certificate, ASerialNumberIsNeitherNegativeNorTooLong) {
  const auto with_serial = [](const Bytes& number) {
    return with_part(serial_part, make_der(der_integer, {number}));
  };
  expect_unreadable(with_serial({0x80}), "serial number is negative");
  expect_unreadable(with_serial(Bytes(21, 0x01)), "serial number has 21 bytes, at most 20 fit");
  const auto longest = Certificate::from_der(with_serial(Bytes(20, 0x7F)));
  ASSERT_TRUE(longest) << longest.error().message;
  EXPECT_EQ(longest->serial(), Bytes(20, 0x7F));
}

TEST(Certificate, TimesAreInUtcAndExist) {
  const auto with_times = [](const char* not_before, const char* not_after) {
    constexpr std::uint8_t utc_time = 0x17;
    return with_part(validity_part,
                     make_der(der_sequence, {make_der(utc_time, {to_bytes(not_before)}),
                                             make_der(utc_time, {to_bytes(not_after)})}));
  };
  const auto good = Certificate::from_der(with_times("500101000000Z", "491231235959Z"));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->not_before(), sys_days(year(1950) / 1 / 1));
  EXPECT_EQ(good->not_after(), sys_days(year(2049) / 12 / 31) + std::chrono::seconds(86399));
  expect_unreadable(with_times("240229120000+0000", "491231235959Z"),
                    "notBefore is not a time in UTC");
  expect_unreadable(with_times("240229120000Z", "250229120000Z"), "notAfter is not a time in UTC");
  expect_unreadable(with_times("240229120000Z", ""), "notAfter is not a time in UTC");
}

TEST(Certificate, AKeyOffTheCurveIsRefused) {
  Bytes key(p384_public_key_prefix.begin(), p384_public_key_prefix.end());
  key.resize(key.size() + 2 * p384_size, 0x01);
  expect_unreadable(with_part(public_key_part, key), "is not a point of the curve P-384");
}

TEST(Certificate, ACompressedKeyIsAnotherKindOfKey) {
  const auto qx = test_leaf().ecdsa_p384_key()->qx();
  Bytes key = hex("3046301006072a8648ce3d020106052b8104002203320002");
  key.insert(key.end(), qx.begin(), qx.end());
  const auto certificate = Certificate::from_der(with_part(public_key_part, key));
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(certificate->public_key_kind(), PublicKeyKind::other);
  EXPECT_EQ(certificate->public_key_name(), "ECDSA P-384 in an unusual encoding");
  EXPECT_FALSE(certificate->ecdsa_p384_key());
}

TEST(Certificate, AKeyThatOpensslCannotReadIsAnotherKindOfKey) {
  const auto certificate =
      Certificate::from_der(with_part(public_key_part, hex("300b3006060453040506030100")));
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(certificate->public_key_kind(), PublicKeyKind::other);
  EXPECT_EQ(certificate->public_key_name(), "of an unknown kind");
}

TEST(Certificate, TheUnsignedCopyOfTheAlgorithmMustEqualTheSignedOne) {
  Bytes der = test_leaf().der();
  // The last AlgorithmIdentifier is the outer one; its salt length is followed by the trailer.
  const auto found = std::find_end(der.begin(), der.end(), rsassa_pss_sha384_with_trailer.begin(),
                                   rsassa_pss_sha384_with_trailer.end());
  ASSERT_NE(found, der.end());
  const auto salt_length = static_cast<std::size_t>(found - der.begin()) + 66;
  ASSERT_EQ(der[salt_length], 48);
  der[salt_length] = 32;
  expect_unreadable(der, "signatureAlgorithm differs from the one that is signed");
}

TEST(Certificate, ASignatureIsAWholeNumberOfBytes) {
  Bytes der = test_leaf().der();
  const std::size_t unused_bits = der.size() - rsa_4096_size - 1;
  ASSERT_EQ(der[unused_bits], 0);
  der[unused_bits] = 1;
  der.back() &= 0xFE;
  expect_unreadable(der, "signature is not a whole number of bytes");
}

TEST(Certificate, AnExtensionTwiceIsRefused) {
  auto content = test_leaf_content();
  content.extensions.push_back(content.extensions.front());
  const auto certificate = issue_certificate(content, test_rsa_key("ask"));
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().message,
            "the certificate has the extension 1.3.6.1.4.1.3704.1.1 twice");
}

TEST(Certificate, AStandardExtensionWithGarbageIsRefused) {
  auto content = test_leaf_content();
  content.extensions.push_back({"2.5.29.19", true, {0x30, 0x05}});
  const auto certificate = issue_certificate(content, test_rsa_key("ask"));
  ASSERT_FALSE(certificate);
  EXPECT_THAT(certificate.error().message, HasSubstr("a standard extension"));
}

TEST(Certificate, ACriticalExtensionThatNobodyKnowsIsReported) {
  auto content = test_leaf_content();
  content.extensions[0].critical = true;
  const auto certificate = issue_certificate(content, test_rsa_key("ask"));
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_TRUE(certificate->has_unknown_critical_extension());
  EXPECT_TRUE(certificate->extensions()[0].critical);
  EXPECT_FALSE(test_leaf().has_unknown_critical_extension());
}

TEST(Certificate, NamesAreOneLineOfPrintableAscii) {
  auto content = test_leaf_content();
  content.subject.common_name = "a\nb \x1b[31m\xc3\xa9";
  const auto certificate = issue_certificate(content, test_rsa_key("ask"));
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_THAT(certificate->subject(), testing::EndsWith("CN = a\\0Ab \\1B[31m\\C3\\A9"));
  EXPECT_EQ(certificate->subject_common_name(), "") << "control characters are no name";
  content.subject.common_name = "Caf\xc3\xa9";
  EXPECT_EQ(issue_certificate(content, test_rsa_key("ask"))->subject_common_name(), "Caf\xc3\xa9");
  content.subject = {};
  EXPECT_EQ(issue_certificate(content, test_rsa_key("ask"))->subject_common_name(), "");
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
  const std::string good = *test_leaf().to_pem();
  EXPECT_THAT(message(to_bytes(good + "-----BEGIN CERTIFICATE-----\nAAAA\n")),
              HasSubstr("PEM block 2 is broken: "));
  EXPECT_THAT(message(to_bytes(good + "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                      "-----END CERTIFICATE-----\n")),
              HasSubstr("PEM block 2: 3 bytes are not a certificate: "));
  EXPECT_THAT(message(to_bytes("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n")),
              HasSubstr("PEM block 1 is broken: "));
  Bytes longer = test_leaf().der();
  longer.push_back(0);
  EXPECT_THAT(message(longer), HasSubstr("1 bytes follow the certificate's "));
}

// Certificates that OpenSSL alone makes, with what ours never have.
struct Foreign {
  UniquePkey key;
  const EVP_MD* digest = EVP_sha384();
  bool pss = true;
  int salt_length = 48;

  [[nodiscard]] Certificate make() const {
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
    return Certificate::from_der(encode(&i2d_X509, static_cast<const X509*>(x509.get()))).value();
  }
};

UniquePkey rsa_key(std::size_t bits, unsigned exponent = RSA_F4) {
  const UniquePkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)), 1);
  const std::unique_ptr<BIGNUM, OwnedBy<&BN_free>> e(BN_new());
  BN_set_word(e.get(), exponent);
  EXPECT_EQ(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()), 1);
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &key), 1);
  return UniquePkey(key);
}

void expect_not_genuine(const Certificate& certificate, const std::string& why) {
  const auto status = certificate.check_signed_by(certificate);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_genuine);
  EXPECT_THAT(status.error().message, HasSubstr(why));
}

TEST(Certificate, OtherSignaturesAreRefusedByName) {
  expect_not_genuine(Foreign{.key = rsa_key(2048), .pss = false}.make(),
                     "is signed with sha384WithRSAEncryption, wanted RSASSA-PSS");
  expect_not_genuine(Foreign{.key = rsa_key(2048), .salt_length = 32}.make(),
                     "is signed with RSASSA-PSS with other parameters than SHA-384 and salt 48");
  expect_not_genuine(Foreign{.key = rsa_key(2048), .digest = EVP_sha256()}.make(),
                     "is signed with RSASSA-PSS with other parameters than SHA-384 and salt 48");
  expect_not_genuine(
      Foreign{.key = UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384")), .pss = false}
          .make(),
      "is signed with ecdsa-with-SHA384, wanted RSASSA-PSS");
  expect_not_genuine(Foreign{.key = UniquePkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")),
                             .digest = nullptr,
                             .pss = false}
                         .make(),
                     "is signed with ED25519, wanted RSASSA-PSS");
}

TEST(Certificate, OtherRsaKeysAreNoIssuers) {
  expect_not_genuine(Foreign{.key = rsa_key(2048)}.make(), "is RSA-2048, it cannot have signed");
  expect_not_genuine(Foreign{.key = rsa_key(2048, 3)}.make(),
                     "is RSA-2048 with an exponent other than 65537, it cannot have signed");
}

TEST(Certificate, WhatOpensslSignsTheSameWayIsGenuine) {
  const auto folder = TemporaryDirectory::create("x509_test").value();
  const std::string path = folder.path() + "/key.pem";
  ASSERT_TRUE(test_rsa_key("ark").save(path));
  const UniqueBio bio(BIO_new_file(path.c_str(), "r"));
  UniquePkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const auto certificate = Foreign{.key = std::move(key)}.make();
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
