// Files that verbs read, with errors that name the file.
#pragma once

#include <string>
#include <vector>

#include "attestation/certificate_table.hpp"
#include "attestation/policy.hpp"
#include "attestation/report.hpp"
#include "crypto/crl.hpp"
#include "crypto/x509.hpp"

namespace extreq::cli {

// Failure of each: that of reading the file (over 1 MiB: too_small), or invalid_input and
// unsupported for its content, the file's name before the message.
[[nodiscard]] Result<attestation::Report> read_report(const std::string& path);
[[nodiscard]] Result<attestation::CertificateTable> read_table(const std::string& path);
// DER, or PEM with any number of certificates.
[[nodiscard]] Result<std::vector<crypto::Certificate>> read_certificates(const std::string& path);
// DER or PEM.
[[nodiscard]] Result<crypto::RevocationList> read_revocation_list(const std::string& path);
[[nodiscard]] Result<attestation::Policy> read_policy(const std::string& path);

}  // namespace extreq::cli
