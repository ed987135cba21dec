#include "crypto/test_certificates.hpp"

#include <cstdlib>

#include "base/file.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::crypto {
namespace {

constexpr std::chrono::sys_seconds not_before =
    std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + std::chrono::hours(12);
constexpr std::chrono::sys_seconds not_after =
    std::chrono::sys_days(std::chrono::year(2049) / 2 / 28) + std::chrono::hours(12);

const EcdsaP384PrivateKey& leaf_key() {
  static const Secret<48> material;
  static const auto key = EcdsaP384PrivateKey::derive(material.view(), to_bytes("test leaf"));
  return key;
}

}  // namespace

DistinguishedName test_name(const std::string& common_name) {
  return {.organizational_unit = "Engineering",
          .country = "US",
          .locality = "Santa Clara",
          .state = "CA",
          .organization = "A model, not a manufacturer",
          .common_name = common_name};
}

CertificateContent test_root_content() {
  return {.serial = 65536,
          .issuer = test_name("ARK-Test"),
          .subject = test_name("ARK-Test"),
          .not_before = not_before,
          .not_after = not_after,
          .subject_key = test_rsa_key("ark").public_key(),
          .authority = CertificateAuthority{.path_length = std::nullopt, .signs_crls = true},
          .extensions = {}};
}

CertificateContent test_intermediate_content() {
  return {.serial = 65537,
          .issuer = test_name("ARK-Test"),
          .subject = test_name("SEV-Test"),
          .not_before = not_before,
          .not_after = not_after,
          .subject_key = test_rsa_key("ask").public_key(),
          .authority = CertificateAuthority{.path_length = 0, .signs_crls = false},
          .extensions = {}};
}

CertificateContent test_leaf_content() {
  return {.serial = 0,
          .issuer = test_name("SEV-Test"),
          .subject = test_name("SEV-VCEK"),
          .not_before = not_before,
          .not_after = not_after,
          .subject_key = leaf_key().public_key(),
          .authority = std::nullopt,
          .extensions = {{"1.3.6.1.4.1.3704.1.1", false, {0x02, 0x01, 0x00}},
                         {"1.3.6.1.4.1.3704.1.3.8", false, {0x02, 0x02, 0x00, 0xD9}},
                         {"1.3.6.1.4.1.3704.1.4", false, Bytes(64, 0x5A)}}};
}

const Certificate& test_root() {
  static const Certificate root =
      issue_certificate(test_root_content(), test_rsa_key("ark")).value();
  return root;
}

const Certificate& test_intermediate() {
  static const Certificate intermediate =
      issue_certificate(test_intermediate_content(), test_rsa_key("ark")).value();
  return intermediate;
}

const Certificate& test_leaf() {
  static const Certificate leaf =
      issue_certificate(test_leaf_content(), test_rsa_key("ask")).value();
  return leaf;
}

std::optional<Bytes> real_data(const std::string& file) {
  const char* const folder = std::getenv("EXTREQ_TESTDATA");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) return std::nullopt;
  auto bytes = read_file(std::string(folder) + "/" + file);
  if (bytes) return *std::move(bytes);
  return std::nullopt;
}

}  // namespace extreq::crypto
