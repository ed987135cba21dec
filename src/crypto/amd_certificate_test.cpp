// Our reader of AMD's certificates against OpenSSL, its judge: what it takes, OpenSSL takes with
// the same values; and it takes everything that AMD and the model write.
#include "crypto/amd_certificate.hpp"

#include <gtest/gtest.h>

#include "crypto/der.hpp"
#include "crypto/test_bytes.hpp"
#include "crypto/test_certificates.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::crypto {
namespace {

// False if our reader leaves `der` to OpenSSL; fails the test where the two differ.
bool taken_as_by_openssl(ByteView der) {
  const auto ours = read_amd_certificate(der);
  if (!ours) return false;
  const auto judge = parse_certificate_with_openssl(der);
  EXPECT_TRUE(judge && *ours == *judge) << to_hex(der);
  return true;
}

struct Case {
  std::string name;
  Bytes der;
};

std::vector<Case> made_certificates() {
  CertificateContent far = test_leaf_content();
  far.not_after = std::chrono::sys_days(std::chrono::year(2051) / 12 / 31);  // GeneralizedTime
  far.serial = 0xF0F1F2F3F4F5F6F7;                                           // takes a zero byte
  far.explicit_trailer_field = false;
  CertificateContent few_names = test_leaf_content();
  few_names.subject = {.organizational_unit = {},
                       .country = {},
                       .locality = {},
                       .state = {},
                       .organization = "A, B",
                       .common_name = "SEV-VCEK (made up, not AMD)"};
  const auto issue = [](const CertificateContent& content) {
    return issue_certificate(content, test_rsa_key("ask")).value().der();
  };
  return {{"root", test_root().der()},
          {"intermediate", test_intermediate().der()},
          {"leaf", test_leaf().der()},
          {"far", issue(far)},
          {"few_names", issue(few_names)}};
}

std::vector<Case> real_certificates() {
  std::vector<Case> found;
  for (const char* const file :
       {"milan/vcek.der", "turin/vcek.der", "roots/milan_vcek_chain.pem",
        "roots/milan_vlek_chain.pem", "roots/genoa_vcek_chain.pem", "roots/genoa_vlek_chain.pem",
        "roots/turin_vcek_chain.pem", "roots/turin_vlek_chain.pem"}) {
    const auto bytes = real_data(file);
    EXPECT_TRUE(bytes) << "EXTREQ_TESTDATA lacks " << file;
    if (!bytes) continue;
    const auto certificates = Certificate::from_pem_or_der(*bytes).value();
    for (const auto& certificate : certificates) {
      found.push_back({file, certificate.der()});
    }
  }
  return found;
}

TEST(AmdCertificate, IsReadAsOpensslReadsIt) {
  for (const auto& [name, der] : made_certificates()) EXPECT_TRUE(taken_as_by_openssl(der)) << name;
}

TEST(AmdCertificate, OfAmdIsReadAsOpensslReadsIt) {
  const auto certificates = real_certificates();
  EXPECT_EQ(certificates.size(), 14U);
  for (const auto& [name, der] : certificates) EXPECT_TRUE(taken_as_by_openssl(der)) << name;
}

void damage_every_byte(const Case& whole) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < whole.der.size(); ++i) {
    Bytes damaged = whole.der;
    for (const unsigned value : {0x01U, 0x80U, 0xFFU}) {
      damaged[i] = static_cast<std::uint8_t>(whole.der[i] ^ value);
      taken += taken_as_by_openssl(damaged) ? 1U : 0U;
    }
  }
  // Serial, digits of times, letters, key, values of extensions and signature: it still reads.
  EXPECT_GT(taken, std::size_t{512} * 3) << whole.name;
  EXPECT_LT(taken, whole.der.size() * 3) << whole.name;
}

TEST(AmdCertificate, DamagedInAnyByteIsRefusedOrReadAsOpensslReadsIt) {
  damage_every_byte(made_certificates()[2]);
  damage_every_byte(made_certificates()[1]);
  const auto real = real_certificates();
  if (!real.empty()) damage_every_byte(real.front());
}

TEST(AmdCertificate, CutOffOrLongerIsRefused) {
  const Bytes whole = test_leaf().der();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_amd_certificate(ByteView(whole).first(size))) << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(read_amd_certificate(longer));
}

// What the reader must leave to OpenSSL, because it is no form of AMD's.
TEST(AmdCertificate, OfOtherFormsIsLeftToOpenssl) {
  const auto issue = [](auto change) {
    CertificateContent content = test_leaf_content();
    change(content);
    return issue_certificate(content, test_rsa_key("ask")).value().der();
  };
  const std::vector<Case> others{
      {"a critical extension of AMD's",
       issue([](auto& content) { content.extensions[0].critical = true; })},
      {"another extension",
       issue([](auto& content) { content.extensions[0].oid = "1.2.840.113549.1.9.14"; })},
      {"a name with a character that is escaped",
       issue([](auto& content) { content.subject.common_name = "SEV+VCEK"; })},
      {"a name that is not ASCII",
       issue([](auto& content) { content.subject.common_name = "SEV-\xC3\xA9"; })},
      {"an arc of two bytes",
       issue([](auto& content) { content.extensions[0].oid = "1.3.6.1.4.1.3704.1.200"; })},
      {"no extensions", issue([](auto& content) { content.extensions.clear(); })}};
  for (const auto& [name, der] : others) {
    EXPECT_FALSE(read_amd_certificate(der)) << name;
    EXPECT_TRUE(parse_certificate(der)) << name;
  }
}

TEST(StrictDer, TakesOnlyTheShortestFormOfALength) {
  for (const char* const text : {"04820001aa", "048101aa", "0480", "05", "0401"}) {
    const Bytes bytes = hex(text);
    ByteView rest = bytes;
    EXPECT_FALSE(take_strict_der(rest, 0x04)) << text;
    EXPECT_EQ(rest.size(), bytes.size());
  }
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const Bytes bytes = make_der(0x04, {Bytes(size)});
    ByteView rest = bytes;
    const auto element = take_strict_der(rest, 0x04);
    ASSERT_TRUE(element) << size;
    EXPECT_EQ(element->content.size(), size);
    EXPECT_TRUE(rest.empty());
  }
}

}  // namespace
}  // namespace extreq::crypto
