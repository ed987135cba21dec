// Evidence: a report, and what came with it, out of each of the containers in which guests and
// their tools hand reports on (doc/evidence.md).
//
// Nothing is verified here: not the certificates, and not that REPORT_DATA binds the runtime data.
// Both are for verify().
// Lifetime: evidence owns its bytes. Threading: pure functions; read_evidence() reads files.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "attestation/certificate_table.hpp"
#include "attestation/report.hpp"

namespace extreq::attestation {

enum class EvidenceFormat : std::uint8_t {
  raw,       // the report's 0x4A0 bytes
  extended,  // the report, and the certificate table right behind it
  tsm,       // a folder as configfs-tsm's: outblob, auxblob, provider
  ioctl,     // MSG_REPORT_RSP, as /dev/sev-guest gives it
  hcl,       // what Azure's paravisor keeps in the vTPM
  json,      // what attesters send: trustee's for SNP and for Azure
};
inline constexpr std::array<std::string_view, 6> evidence_format_names = {
    "raw", "extended", "tsm", "ioctl", "hcl", "json"};

[[nodiscard]] std::string_view to_text(EvidenceFormat format) noexcept;
// nullopt for a name that is none of the above.
[[nodiscard]] std::optional<EvidenceFormat> evidence_format(std::string_view name) noexcept;

struct Evidence {
  EvidenceFormat format;
  Report report;
  std::optional<CertificateTable> table;  // nullopt: the container has none
  // Of an HCL report: for Expectations::runtime_data. nullopt: the container has none.
  std::optional<Bytes> runtime_data{};
};

// By content, whatever the file is called. nullopt: none of the formats; never `tsm`, which is no
// file. A format that is recognised may still be malformed.
[[nodiscard]] std::optional<EvidenceFormat> recognise_evidence(ByteView bytes) noexcept;

// `format`: nullopt to recognise it.
// Failure: invalid_input, with what was found and where; unsupported for reports of versions or
// kinds that are none of AMD SNP's (TDX).
[[nodiscard]] Result<Evidence> parse_evidence(ByteView bytes, std::optional<EvidenceFormat> format);

// The same for the file or folder `path`, which all messages name. A folder is taken as `tsm`.
// Failure further: not_found, io, too_small (over 1 MiB) as read_file(); busy for a folder that
// somebody else writes to.
[[nodiscard]] Result<Evidence> read_evidence(const std::string& path,
                                             std::optional<EvidenceFormat> format);

}  // namespace extreq::attestation
