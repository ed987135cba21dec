#include "host/status.hpp"

#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "attestation/tcb.hpp"
#include "attestation/time_text.hpp"
#include "crypto/x509.hpp"
#include "host/blob_look.hpp"
#include "host/table_parts.hpp"
#include "lease/blob_file.hpp"
#include "lease/lock_holders.hpp"
#include "lease/vm_blobs.hpp"

namespace extreq::host {
namespace {

constexpr Clock::Duration look_wait = std::chrono::milliseconds(250);
constexpr std::chrono::hours expiry_notice(30 * 24);

constexpr const char* start_service = "start the service: systemctl start extreq-host";

std::string remedy_for(BlobFinding finding) {
  switch (finding) {
    case BlobFinding::fits:
      return {};
    case BlobFinding::no_table:
      return "the service publishes a table when it has the certificates: see its log, and `extreq "
             "kds fetch` for the cause; without a network: `extreq kds url`, then `extreq certs "
             "import`";
    case BlobFinding::other_key:
      return std::string(
                 "the key was changed without `extreq host update`, and nobody mended the "
                 "table: ") +
             start_service;
    case BlobFinding::damaged:
      return std::string(
                 "somebody else writes this file, or died at it: find out who; the service "
                 "repairs it: ") +
             start_service;
    case BlobFinding::missing:
      return start_service;
    case BlobFinding::under_update:
      return "an update is under way: wait for it; if it hangs, end the process that holds the "
             "exclusive lock";
    case BlobFinding::unreadable:
      return "run this as a user who may read the blob (root, or its group)";
  }
  return {};
}

std::string tcb_text(std::uint64_t tcb, attestation::Product product) {
  return fmt::format(
      "{} ({:#018x})",
      attestation::to_text(attestation::decode_tcb(tcb, attestation::layout_of(product))), tcb);
}

std::string key_text(const SigningState& state) {
  if (state.mask_chip_key) return "none: the chip's keys are masked";
  if (!state.vlek_loaded) return "VCEK";
  return "VLEK of " + (state.csp_id.empty() ? "an unknown provider" : "provider " + state.csp_id);
}

void add_platform(firmware::Platform& platform, const SigningState& state, CheckLines& lines) {
  const auto status = platform.platform_status();
  const auto product = attestation::kds_name(state.product);
  if (!status) {
    lines.push_back({"platform", Verdict::bad, status.error().message,
                     "is SNP enabled? `extreq doctor` looks at it"});
    return;
  }
  lines.push_back({"platform",
                   Verdict::fact,
                   fmt::format("{}, firmware {}.{} build {}", product, unsigned{status->api_major},
                               unsigned{status->api_minor}, std::uint32_t{status->build_id}),
                   {}});
  lines.push_back({"chip_id", Verdict::fact, to_hex(state.chip_id), {}});
  lines.push_back({"current_tcb", Verdict::fact, tcb_text(status->current_tcb, state.product), {}});
  lines.push_back({"reported_tcb", Verdict::fact, tcb_text(state.reported_tcb, state.product), {}});
  lines.push_back({"committed_tcb",
                   Verdict::fact,
                   "unknown: SNP_PLATFORM_STATUS does not tell; a guest's report does",
                   {}});
  const bool known = check_vlek_provider(state).has_value();
  lines.push_back({"signing_key", known ? Verdict::fact : Verdict::bad, key_text(state),
                   known
                       ? ""
                       : "the firmware does not report whose VLEK is loaded: give --csp-id NAME to "
                         "this command, to `extreq host serve` and to `extreq host update`"});
}

void add_certificate(std::string_view name, const crypto::Certificate& certificate,
                     std::chrono::sys_seconds utc, CheckLines& lines) {
  CheckLine line;
  line.name = name;
  line.verdict = Verdict::well;
  line.value =
      fmt::format("{}, until {:%Y-%m-%dT%H:%M:%SZ}", certificate.subject_common_name(),
                  fmt::gmtime(std::chrono::system_clock::to_time_t(certificate.not_after())));
  if (utc > certificate.not_after() || utc + expiry_notice > certificate.not_after()) {
    line.verdict = Verdict::bad;
    line.remedy = utc > certificate.not_after()
                      ? "it has expired: is the clock right? `extreq kds fetch` gets a renewed one"
                      : "it ends within 30 days: see that the service reaches the key service";
  }
  if (utc < certificate.not_before()) {
    line.verdict = Verdict::bad;
    line.remedy = "it is not valid yet: is this machine's clock right?";
  }
  lines.push_back(std::move(line));
}

void add_crl(const std::string& name, std::chrono::sys_seconds end, std::chrono::sys_seconds utc,
             CheckLines& lines) {
  const bool fresh = utc <= end;
  lines.push_back({name, fresh ? Verdict::well : Verdict::bad,
                   fmt::format("fresh until {}", attestation::to_rfc3339(end)),
                   fresh ? ""
                         : "guests' verifiers refuse it: see that the service runs; it serves none "
                           "rather than a stale one"});
}

void add_table(ByteView bytes, std::chrono::sys_seconds utc, CheckLines& lines) {
  const auto table = attestation::CertificateTable::parse(bytes);
  if (!table || table->empty()) {
    lines.push_back({"table", Verdict::fact, table ? "empty" : table.error().message, {}});
    return;
  }
  lines.push_back({"table",
                   Verdict::fact,
                   fmt::format("{} bytes, {} entries", bytes.size(), table->entries().size()),
                   {}});
  for (const auto& entry : table->entries()) {
    const auto known = attestation::certificate_name(entry.guid);
    const std::string name =
        "table " + (known ? std::string(*known) : attestation::to_text(entry.guid));
    if (const auto certificate = crypto::Certificate::from_der(entry.data)) {
      add_certificate(name, *certificate, utc, lines);
    } else if (const auto end = crl_end_in(bytes);
               entry.guid == abi::ghcb::certificate_table::guid_crl && end) {
      add_crl(name, *end, utc, lines);
    } else {
      lines.push_back({name, Verdict::fact, fmt::format("{} bytes", entry.data.size()), {}});
    }
  }
}

void add_lock(const std::string& blob_path, CheckLines& lines) {
  lease::FileStatus file;
  if (lease::file_status(blob_path, file) != 0) return;
  const auto holders = lease::find_lock_holders(file.identity);
  lines.push_back({"lock",
                   Verdict::fact,
                   holders.empty() ? std::string("nobody holds it") : lease::describe(holders),
                   {}});
}

void add_vms(const std::string& blob_path, firmware::Platform& platform, CheckLines& lines) {
  const auto paths = lease::find_vm_blobs(blob_path);
  if (!paths) {
    lines.push_back(
        {"vm", Verdict::bad, paths.error().message, remedy_for(BlobFinding::unreadable)});
    return;
  }
  for (const std::string& path : *paths) {
    const auto look = look_at_blob(path, platform, look_wait);
    const auto finding = look ? look->finding : BlobFinding::unreadable;
    const bool fits = finding == BlobFinding::fits;
    lines.push_back(
        {"vm " + lease::vm_name(path), fits ? Verdict::well : Verdict::bad,
         fits ? "fits too"
              : fmt::format("{}: {}", to_text(finding), look ? look->why : look.error().message),
         remedy_for(finding)});
  }
}

}  // namespace

CheckLines host_status(firmware::Platform& platform, const std::string& blob_path,
                       std::chrono::sys_seconds utc) {
  CheckLines lines;
  const auto look = look_at_blob(blob_path, platform, look_wait);
  if (!look) {
    lines.push_back({"platform", Verdict::bad, look.error().message,
                     "is SNP enabled? `extreq doctor` looks at it"});
    return lines;
  }
  add_platform(platform, look->state, lines);
  lines.push_back({"blob", Verdict::fact, blob_path, {}});
  add_table(look->table, utc, lines);
  add_lock(blob_path, lines);
  const bool fits = look->finding == BlobFinding::fits;
  lines.push_back({"match", fits ? Verdict::well : Verdict::bad,
                   fits ? "what guests get fits what the firmware signs with"
                        : fmt::format("{}: {}", to_text(look->finding), look->why),
                   remedy_for(look->finding)});
  add_vms(blob_path, platform, lines);
  return lines;
}

}  // namespace extreq::host
