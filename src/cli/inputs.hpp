// Files that verbs read, with errors that name the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attestation/certificate_table.hpp"
#include "attestation/evidence.hpp"
#include "attestation/policy.hpp"
#include "crypto/crl.hpp"
#include "crypto/x509.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace extreq::cli {

// The option --format of `verb`, "auto" and the names of the formats. Lifetime: `name` must outlive
// the verb.
void add_format_option(CLI::App& verb, std::string& name);
// nullopt for "auto".
[[nodiscard]] std::optional<attestation::EvidenceFormat> evidence_format(const std::string& name);

// Failure of each: that of reading the file (over 1 MiB: too_small), or invalid_input and
// unsupported for its content, the file's name before the message.
[[nodiscard]] Result<attestation::CertificateTable> read_table(const std::string& path);
// DER, or PEM with any number of certificates.
[[nodiscard]] Result<std::vector<crypto::Certificate>> read_certificates(const std::string& path);
// As read_certificates(); where the file is a revocation list, DER or PEM, that one instead.
struct CertificatesOrList {
  std::vector<crypto::Certificate> certificates;
  std::optional<crypto::RevocationList> list;
};
[[nodiscard]] Result<CertificatesOrList> read_certificates_or_list(const std::string& path);
// DER or PEM.
[[nodiscard]] Result<crypto::RevocationList> read_revocation_list(const std::string& path);
[[nodiscard]] Result<attestation::Policy> read_policy(const std::string& path);

}  // namespace extreq::cli
