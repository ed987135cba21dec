#include <string>
#include <vector>

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "attestation/extensions.hpp"
#include "attestation/model_mark.hpp"
#include "attestation/time_text.hpp"
#include "attestation/trust_anchors.hpp"
#include "cli/describe.hpp"
#include "crypto/hash.hpp"

namespace extreq::cli {
namespace {

using attestation::Role;
using crypto::Certificate;

Document describe_extensions(const Certificate& certificate) {
  const auto extensions = attestation::read_extensions(certificate);
  if (!extensions) return Document{{"malformed", extensions.error().message}};
  Document document{{"product_name", extensions->product_name}};
  for (const auto& field : attestation::tcb_fields(attestation::layout_of(extensions->product))) {
    document[std::string(field.kds_parameter)] = field.get(extensions->tcb);
  }
  document["hwid"] = extensions->hwid ? Document(to_hex(*extensions->hwid)) : Document(nullptr);
  document["csp_id"] = extensions->csp_id ? Document(*extensions->csp_id) : Document(nullptr);
  return document;
}

Document describe_entry(const attestation::CertificateTable::Entry& entry) {
  Document document{{"guid", attestation::to_text(entry.guid)},
                    {"name", nullptr},
                    {"size", entry.data.size()},
                    {"sha256", to_hex(crypto::sha256(entry.data))}};
  const auto name = attestation::certificate_name(entry.guid);
  if (name) document["name"] = *name;
  if (!name || entry.guid == abi::ghcb::certificate_table::guid_crl) return document;
  const auto certificates = Certificate::from_pem_or_der(entry.data);
  if (!certificates) {
    document["no_certificate"] = certificates.error().message;
    return document;
  }
  document["certificates"] = Document::array();
  for (const Certificate& certificate : *certificates) {
    document["certificates"].push_back(describe(certificate));
  }
  return document;
}

}  // namespace

Document describe(const Certificate& certificate) {
  Document document{{"type", "certificate"},
                    {"role", nullptr},
                    {"subject", certificate.subject()},
                    {"issuer", certificate.issuer()},
                    {"serial", to_hex(certificate.serial())},
                    {"not_before", attestation::to_rfc3339(certificate.not_before())},
                    {"not_after", attestation::to_rfc3339(certificate.not_after())},
                    {"key", certificate.public_key_name()},
                    {"signature_algorithm", crypto::certificate_signature_algorithm},
                    {"sha256", to_hex(crypto::sha256(certificate.der()))},
                    {"software_model", attestation::is_model_certificate(certificate)}};
  const auto subject = attestation::subject_of(certificate);
  if (!subject) return document;
  document["role"] = attestation::to_text(subject->role);
  if (subject->role == Role::ark) {
    document["pinned_as_amds"] = attestation::amd_root_name(certificate).has_value();
  }
  if (subject->role == Role::vcek || subject->role == Role::vlek) {
    document["extensions"] = describe_extensions(certificate);
  }
  return document;
}

Document describe(const attestation::CertificateTable& table) {
  Document document{{"type", "certificate_table"}, {"entries", Document::array()}};
  for (const auto& entry : table.entries()) document["entries"].push_back(describe_entry(entry));
  return document;
}

}  // namespace extreq::cli
