// Evidence for tests: roots, leaves and reports with the forms of AMD's, and any part of them wrong
// on purpose. RSA keys come from crypto/test_keys.hpp, so they are made once per build tree.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attestation/report.hpp"
#include "attestation/tcb.hpp"
#include "crypto/certificate_builder.hpp"

namespace extreq::attestation::test {

// The moment at which all of the test's certificates are valid.
[[nodiscard]] std::chrono::sys_seconds now();

[[nodiscard]] Bytes spl(std::uint8_t value);
[[nodiscard]] Bytes ia5(std::string_view text);
[[nodiscard]] Bytes octets(ByteView content);

// Changes what is about to be signed.
using Change = std::function<void(crypto::CertificateContent&)>;

// The value of the extension, to be changed.
[[nodiscard]] Bytes& extension(crypto::CertificateContent& content, std::string_view oid);
void remove_extension(crypto::CertificateContent& content, std::string_view oid);

// The certificates of one product. `organization` and `mark` as in model_mark.hpp.
class Authority {
 public:
  explicit Authority(Product product, std::string organization = "extreq test",
                     std::string mark = {});

  // The same call gives the same certificate, its signature too; one that is given a change signs
  // anew.
  [[nodiscard]] crypto::Certificate ark(const Change& change = {}) const;
  [[nodiscard]] crypto::Certificate ask(const Change& change = {}) const;
  [[nodiscard]] crypto::Certificate asvk(const Change& change = {}) const;
  [[nodiscard]] crypto::Certificate vcek(const Tcb& tcb, ByteView hwid,
                                         const Change& change = {}) const;
  [[nodiscard]] crypto::Certificate vlek(const Tcb& tcb, std::string_view csp_id,
                                         const Change& change = {}) const;

 private:
  [[nodiscard]] crypto::DistinguishedName name(std::string_view common_name) const;
  [[nodiscard]] crypto::CertificateContent authority(std::string_view common_name) const;
  [[nodiscard]] crypto::CertificateContent leaf(std::string_view common_name,
                                                std::string_view issuer, const Tcb& tcb) const;

  Product product_;
  std::string organization_;
  std::string mark_;
};

// The key of every leaf above.
[[nodiscard]] const crypto::EcdsaP384PrivateKey& leaf_key();

// 64 bytes, or 8 for Turin and Venice.
[[nodiscard]] Bytes chip_id(Product product);
[[nodiscard]] Tcb tcb(Product product);

// A report of version 3 (for Milan 2) by a VCEK for tcb(product) and chip_id(product), unsigned.
[[nodiscard]] abi::snp::AttestationReport report_fields(Product product);
// With leaf_key()'s signature over the first 0x2A0 bytes.
[[nodiscard]] Bytes sign(abi::snp::AttestationReport fields);

// $EXTREQ_TESTDATA/name (tests/data/README.md); nullopt where it is not: use EXTREQ_REAL_DATA
// below.
[[nodiscard]] std::optional<Bytes> real_data(const std::string& name);

}  // namespace extreq::attestation::test

// Binds a file of real data, or fails the test.
// NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared cannot stand in parentheses
#define EXTREQ_REAL_DATA(variable, file)                                     \
  const auto variable##_file = ::extreq::attestation::test::real_data(file); \
  ASSERT_TRUE(variable##_file) << "EXTREQ_TESTDATA lacks " << (file);        \
  const ::extreq::Bytes& variable = *variable##_file
// NOLINTEND(bugprone-macro-parentheses)
