// The reader of certificates against OpenSSL, its judge: what it takes, OpenSSL takes with the same
// values; and it takes everything that AMD and the model write.
#include "crypto/amd_certificate.hpp"

#include <gtest/gtest.h>

#include "crypto/der.hpp"
#include "crypto/test_certificates.hpp"
#include "crypto/test_der_mutants.hpp"
#include "crypto/test_keys.hpp"
#include "crypto/test_openssl_certificate.hpp"

namespace extreq::crypto {
namespace {

// False if our reader refuses `der`; fails the test where it takes what OpenSSL does not.
bool taken_as_by_openssl(ByteView der) {
  const auto ours = read_amd_certificate(der);
  if (!ours) return false;
  EXPECT_TRUE(is_read_as_by_openssl(*ours)) << to_hex(der);
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

// AMD's own where they are at hand, and made ones.
std::vector<Case> all_certificates() {
  auto cases = made_certificates();
  for (Case& real : real_certificates()) cases.push_back(std::move(real));
  return cases;
}

TEST(AmdCertificate, ChangedInItsStructureIsRefusedOrReadAsOpensslReadsIt) {
  std::vector<DerNode> seeds;
  for (const auto& [name, der] : all_certificates()) {
    auto tree = der_tree(der);
    ASSERT_TRUE(tree && encode_tree(*tree) == der) << name;
    seeds.push_back(*std::move(tree));
  }
  std::mt19937_64 random(20261128);
  constexpr std::size_t rounds = 8000;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const Bytes der = mutant_of(seeds[i % seeds.size()], random);
    taken += taken_as_by_openssl(der) ? 1U : 0U;
    ASSERT_FALSE(HasFailure()) << "mutant " << i;
  }
  EXPECT_GT(taken, rounds / 10) << "the mutants reach too little";
  EXPECT_LT(taken, rounds * 9 / 10);
}

// All but what stands inside OCTET STRINGs: the values of AMD's extensions are read elsewhere
// (attestation/extensions.hpp).
std::vector<DerNode*> read_nodes(DerNode& node) {
  std::vector<DerNode*> nodes{&node};
  if (node.identifier == der_octet_string) return nodes;
  for (DerNode& child : node.children) {
    const auto below = read_nodes(child);
    nodes.insert(nodes.end(), below.begin(), below.end());
  }
  return nodes;
}

// X.690 section 10, in every place, also inside the part that is signed.
void expect_only_der_is_taken(Encoding encoding) {
  std::size_t by_openssl = 0;
  for (const auto& [name, der] : all_certificates()) {
    auto tree = der_tree(der).value();
    for (const DerNode* odd : read_nodes(tree)) {
      const Bytes changed = encode_tree(tree, odd, encoding);
      if (changed == der) continue;  // what is constructed anyway
      EXPECT_FALSE(Certificate::from_der(changed)) << name << ": " << to_hex(encode_tree(*odd));
      by_openssl += read_with_openssl(changed) ? 1U : 0U;
    }
  }
  EXPECT_GT(by_openssl, 10U) << "OpenSSL alone takes other encodings in the signed part";
}

TEST(AmdCertificate, WithALengthLongerThanNeededAnywhereIsRefused) {
  expect_only_der_is_taken(Encoding::longer_length);
}

TEST(AmdCertificate, WithAnIndefiniteLengthAnywhereIsRefused) {
  expect_only_der_is_taken(Encoding::indefinite_length);
}

TEST(AmdCertificate, WithAConstructedStringAnywhereIsRefused) {
  expect_only_der_is_taken(Encoding::constructed);
}

}  // namespace
}  // namespace extreq::crypto
