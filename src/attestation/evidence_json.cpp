// JSON evidence in two shapes: trustee's attester for SNP ("attestation_report", "cert_chain"), and
// its attester for Azure ("hcl_report", "vcek"; in its first form "quote", "report", "vcek").
#include <algorithm>

#include "attestation/evidence_formats.hpp"
#include "attestation/evidence_json_report.hpp"
#include "attestation/strict_json.hpp"

namespace extreq::attestation {
namespace {

namespace guids = abi::ghcb::certificate_table;

constexpr std::string_view spaces = " \t\r\n";

struct NamedGuid {
  std::string_view name;
  Guid guid;
};

constexpr std::array certificate_types = {
    NamedGuid{"VCEK", guids::guid_vcek}, NamedGuid{"VLEK", guids::guid_vlek},
    NamedGuid{"ASK", guids::guid_ask},   NamedGuid{"ARK", guids::guid_ark},
    NamedGuid{"CRL", guids::guid_crl},
};

// "VCEK", or {"OTHER": "63da758d-e664-4564-adc5-f4b93be8accd"}.
Result<Guid> read_type(const EvidenceValue& type) {
  if (type.has("OTHER") && type.json().at("OTHER").is_string()) {
    auto guid = guid_from_text(type.json().at("OTHER").get_ref<const std::string&>());
    if (guid) return guid;
    return fail(Code::invalid_input, "JSON evidence: {}/OTHER: {}", type.path(),
                guid.error().message);
  }
  if (type.json().is_string()) {
    const auto& name = type.json().get_ref<const std::string&>();
    const auto* const found = std::ranges::find(certificate_types, name, &NamedGuid::name);
    if (found != certificate_types.end()) return found->guid;
  }
  return type.wrong(R"("VCEK", "VLEK", "ASK", "ARK", "CRL" or {"OTHER": GUID})");
}

Result<CertificateTable> table_of(const CertificateTableBuilder& builder) {
  return CertificateTable::parse(builder.build());
}

Result<CertificateTable> read_chain(const EvidenceValue& chain) {
  if (!chain.json().is_array()) return chain.wrong("an array or null");
  CertificateTableBuilder builder;
  for (std::size_t i = 0; i < chain.json().size(); ++i) {
    const EvidenceValue entry = chain.element(i);
    EXTREQ_TRY_ASSIGN(const auto type, entry.member("cert_type"));
    EXTREQ_TRY_ASSIGN(const Guid guid, read_type(type));
    EXTREQ_TRY_ASSIGN(const auto data, entry.member("data"));
    EXTREQ_TRY_ASSIGN(const Bytes bytes, data.bytes());
    if (const auto added = builder.add(guid, bytes); !added) {
      return fail(Code::invalid_input, "JSON evidence: {}: {}", entry.path(),
                  added.error().message);
    }
  }
  return table_of(builder);
}

Result<Report> read_report(const EvidenceValue& report) {
  if (report.json().is_object()) return report_from_members(report);
  EXTREQ_TRY_ASSIGN(const Bytes bytes, report.bytes());
  return Report::parse(bytes);
}

Result<Evidence> read_snp(const EvidenceValue& document) {
  EXTREQ_TRY_ASSIGN(const auto value, document.member("attestation_report"));
  EXTREQ_TRY_ASSIGN(const auto report, read_report(value));
  Evidence evidence{EvidenceFormat::json, report, std::nullopt, std::nullopt};
  if (!document.has("cert_chain")) return evidence;
  EXTREQ_TRY_ASSIGN(const auto chain, document.member("cert_chain"));
  EXTREQ_TRY_ASSIGN(evidence.table, read_chain(chain));
  return evidence;
}

// Base64 of DER; in the first form PEM.
Result<Bytes> read_vcek(const EvidenceValue& value) {
  constexpr std::string_view pem_mark = "-----BEGIN ";
  if (!value.json().is_string()) return value.wrong("base64 or PEM");
  const auto& text = value.json().get_ref<const std::string&>();
  return text.starts_with(pem_mark) ? to_bytes(text) : value.bytes();
}

// Its TPM quote is passed over: the vTPM's key is among the runtime data, which are bound.
Result<Evidence> read_azure(const EvidenceValue& document, const std::string& report_key) {
  EXTREQ_TRY_ASSIGN(const auto value, document.member(report_key));
  EXTREQ_TRY_ASSIGN(const Bytes container, value.bytes());
  EXTREQ_TRY_ASSIGN(auto evidence, parse_hcl(container));
  evidence.format = EvidenceFormat::json;
  if (!document.has("vcek")) return evidence;
  EXTREQ_TRY_ASSIGN(const auto vcek, document.member("vcek"));
  EXTREQ_TRY_ASSIGN(const Bytes der, read_vcek(vcek));
  CertificateTableBuilder builder;
  EXTREQ_TRY(builder.add(guids::guid_vcek, der));
  EXTREQ_TRY_ASSIGN(evidence.table, table_of(builder));
  return evidence;
}

}  // namespace

// An object: a brace, and behind it a quote or the other brace. No report begins so: the second
// byte of its version would have to be a quote.
bool begins_like_json(ByteView bytes) noexcept {
  const auto is_space = [](std::uint8_t byte) {
    return spaces.find(static_cast<char>(byte)) != std::string_view::npos;
  };
  const auto brace = std::ranges::find_if_not(bytes, is_space);
  if (brace == bytes.end() || *brace != '{') return false;
  const auto next = std::find_if_not(brace + 1, bytes.end(), is_space);
  return next != bytes.end() && (*next == '"' || *next == '}');
}

Result<Evidence> parse_json_evidence(ByteView bytes) {
  EXTREQ_TRY_ASSIGN(const auto json, parse_strict_json(bytes, "the evidence"));
  const EvidenceValue document(json, "");
  if (document.has("attestation_report")) return read_snp(document);
  if (document.has("hcl_report")) return read_azure(document, "hcl_report");
  if (document.has("quote") && document.has("report")) return read_azure(document, "report");
  return document.wrong(R"(an object with "attestation_report" or "hcl_report")");
}

}  // namespace extreq::attestation
