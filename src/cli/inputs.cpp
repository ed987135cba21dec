#include "cli/inputs.hpp"

#include <utility>

#include <CLI/CLI.hpp>

#include "attestation/policy_file.hpp"
#include "base/file.hpp"
#include "base/try.hpp"

namespace extreq::cli {
namespace {

template <class Value>
Result<Value> read_as(const std::string& path, Result<Value> (*parse)(ByteView)) {
  EXTREQ_TRY_ASSIGN(const Bytes bytes, read_file(path));
  auto value = parse(bytes);
  if (!value) return fail(value.error().code, "{}: {}", path, value.error().message);
  return value;
}

}  // namespace

void add_format_option(CLI::App& verb, std::string& name) {
  std::vector<std::string> names = {"auto"};
  for (const std::string_view format : attestation::evidence_format_names) {
    names.emplace_back(format);
  }
  verb.add_option("--format", name, "What the evidence is in; auto: told by its content")
      ->check(CLI::IsMember(names));
}

std::optional<attestation::EvidenceFormat> evidence_format(const std::string& name) {
  return attestation::evidence_format(name);
}

Result<attestation::CertificateTable> read_table(const std::string& path) {
  return read_as(path, &attestation::CertificateTable::parse);
}

Result<std::vector<crypto::Certificate>> read_certificates(const std::string& path) {
  return read_as(path, &crypto::Certificate::from_pem_or_der);
}

Result<CertificatesOrList> read_certificates_or_list(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const Bytes bytes, read_file(path));
  auto certificates = crypto::Certificate::from_pem_or_der(bytes);
  if (certificates) return CertificatesOrList{*std::move(certificates), std::nullopt};
  auto list = crypto::RevocationList::from_pem_or_der(bytes);
  if (list) return CertificatesOrList{{}, *std::move(list)};
  return fail(Code::invalid_input, "{}: no certificate: {}; no CRL: {}", path,
              certificates.error().message, list.error().message);
}

Result<crypto::RevocationList> read_revocation_list(const std::string& path) {
  return read_as(path, &crypto::RevocationList::from_pem_or_der);
}

Result<attestation::Policy> read_policy(const std::string& path) {
  return read_as(path, &attestation::parse_policy);
}

}  // namespace extreq::cli
