#include <utility>

#include "abi/sev_guest.hpp"
#include "attestation/evidence_formats.hpp"
#include "base/printable.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

namespace tsm = abi::sev_guest::tsm;

constexpr int attempts_max = 8;

struct Blobs {
  Bytes report;
  std::optional<Bytes> table;
};

class TsmFolder {
 public:
  TsmFolder(std::string path, const FileReader& read) : path_(std::move(path)), read_(&read) {}

  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }
  [[nodiscard]] Result<Bytes> read(std::string_view name) const { return (*read_)(file(name)); }

  // nullopt where there is no such file: a folder that was copied need not have all that the
  // kernel's has.
  [[nodiscard]] Result<std::optional<Bytes>> read_optional(std::string_view name) const {
    auto bytes = read(name);
    if (bytes) return std::optional(std::move(*bytes));
    if (bytes.error().code == Code::not_found) return std::optional<Bytes>();
    return tl::unexpected(bytes.error());
  }

  [[nodiscard]] Status check_provider() const {
    EXTREQ_TRY_ASSIGN(const auto bytes, read_optional(tsm::provider));
    if (!bytes) return {};
    std::string name(bytes->begin(), bytes->end());
    while (name.ends_with('\n')) name.pop_back();
    if (name == tsm::provider_sev_guest) return {};
    return fail(Code::unsupported, "{}: the provider \"{}\" found, \"{}\" wanted",
                file(tsm::provider), printable(name), tsm::provider_sev_guest);
  }

  // Both of one generation: whoever writes to the folder meanwhile changes it, and the report with
  // it (Documentation/ABI/testing/configfs-tsm-report).
  [[nodiscard]] Result<Blobs> read_blobs() const {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      EXTREQ_TRY_ASSIGN(const auto before, read_optional(tsm::generation));
      EXTREQ_TRY_ASSIGN(Bytes report, read(tsm::outblob));
      EXTREQ_TRY_ASSIGN(auto table, read_optional(tsm::auxblob));
      EXTREQ_TRY_ASSIGN(const auto after, read_optional(tsm::generation));
      if (before == after) return Blobs{std::move(report), std::move(table)};
    }
    return fail(Code::busy, "{} changed each of {} times that {} was read: somebody else writes",
                file(tsm::generation), attempts_max, tsm::outblob);
  }

 private:
  std::string path_;
  const FileReader* read_;
};

}  // namespace

Result<Evidence> read_tsm_folder(const std::string& path, const FileReader& read) {
  const TsmFolder folder(path, read);
  EXTREQ_TRY(folder.check_provider());
  EXTREQ_TRY_ASSIGN(const Blobs blobs, folder.read_blobs());
  auto report = Report::parse(blobs.report);
  if (!report) {
    return fail(report.error().code, "{}: {}", folder.file(tsm::outblob), report.error().message);
  }
  Evidence evidence{EvidenceFormat::tsm, *report, std::nullopt, std::nullopt};
  if (!blobs.table) return evidence;
  auto table = CertificateTable::parse(*blobs.table);
  if (!table) {
    return fail(table.error().code, "{}: {}", folder.file(tsm::auxblob), table.error().message);
  }
  evidence.table = std::move(*table);
  return evidence;
}

}  // namespace extreq::attestation
