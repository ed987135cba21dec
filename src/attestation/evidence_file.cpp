#include <filesystem>
#include <system_error>

#include "attestation/evidence_formats.hpp"
#include "base/file.hpp"
#include "base/try.hpp"

namespace extreq::attestation {

Result<Evidence> read_evidence(const std::string& path, std::optional<EvidenceFormat> format) {
  std::error_code ignored;  // what cannot be looked at cannot be read: said there
  if (std::filesystem::is_directory(path, ignored)) {
    if (format.value_or(EvidenceFormat::tsm) != EvidenceFormat::tsm) {
      return fail(Code::invalid_input, "{}: this is a folder, and {} evidence is a file", path,
                  to_text(*format));
    }
    return read_tsm_folder(path, [](const std::string& file) { return read_file(file); });
  }
  EXTREQ_TRY_ASSIGN(const Bytes bytes, read_file(path));
  auto evidence = parse_evidence(bytes, format);
  if (!evidence) return fail(evidence.error().code, "{}: {}", path, evidence.error().message);
  return evidence;
}

}  // namespace extreq::attestation
