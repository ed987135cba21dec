// extreq request: inside an SNP guest, asks the firmware for a report or a key.
#include <algorithm>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "attestation/report.hpp"
#include "base/file.hpp"
#include "base/file_pair.hpp"
#include "base/try.hpp"
#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"
#include "crypto/random.hpp"
#include "guest/device_transport.hpp"
#include "guest/matches.hpp"
#include "guest/tsm_transport.hpp"

namespace extreq::cli {
namespace {

constexpr unsigned private_mode = 0600;
constexpr unsigned public_mode = 0644;

struct RequestOptions {
  std::string report_data;
  std::uint32_t vmpl = 0;
  bool extended = false;
  bool key = false;
  bool match = false;
  bool length_first = false;
  bool json = false;
  std::string transport = "auto";
  std::string report_file;
  std::string certificates_file;
  unsigned count = 1;
};

// What the guest asked for and got, one field for each line of output.
struct Totals {
  unsigned requests = 0;
  unsigned failures = 0;
  unsigned mismatches = 0;
  unsigned without_certificates = 0;
  std::string last_failure;
};

Result<std::unique_ptr<guest::Transport>> open_transport(const RequestOptions& options) {
  const bool any = options.transport == "auto" && !options.key && !options.length_first;
  if (options.transport == "tsm" || any) {
    auto tsm = guest::TsmTransport::open();
    if (tsm || !any) return tsm;
  }
  guest::DeviceTransport::Options device;
  if (options.length_first) device.limits.table_pages_first = 0;
  return guest::DeviceTransport::open(std::string(abi::sev_guest::device_path), device);
}

Result<guest::ReportQuery> make_query(const RequestOptions& options) {
  guest::ReportQuery query;
  query.vmpl = options.vmpl;
  if (options.report_data.empty()) {
    EXTREQ_TRY(crypto::random_bytes(query.report_data));
    return query;
  }
  EXTREQ_TRY_ASSIGN(const Bytes data, from_hex(options.report_data));
  if (data.size() > query.report_data.size()) {
    return fail(Code::invalid_input, "--report-data: {} bytes, at most {} are possible",
                data.size(), query.report_data.size());
  }
  std::copy(data.begin(), data.end(), query.report_data.begin());
  return query;
}

std::string explain(const guest::RequestFailure& failure) {
  std::string text = failure.error.message;
  if (failure.vmm_error) text += fmt::format(" [VMM error {:#x}]", *failure.vmm_error);
  if (failure.firmware_status) {
    text += fmt::format(" [firmware status {:#x}]", *failure.firmware_status);
  }
  return text;
}

// A report, and certificates that came with it, or none: never those of another report.
Status save(const RequestOptions& options, ByteView report, ByteView certificate_table) {
  return replace_file_pair({options.report_file, report},
                           {options.certificates_file, certificate_table}, public_mode);
}

guest::RequestResult<guest::Evidence> ask(guest::Transport& transport,
                                          const RequestOptions& options,
                                          const guest::ReportQuery& query) {
  if (options.extended) return transport.extended_report(query);
  auto reply = transport.report(query);
  if (!reply) return guest::failed(reply.error());
  guest::Evidence evidence;
  evidence.report = std::move(reply->report);
  evidence.notes = reply->notes;
  return evidence;
}

void print_report(const RequestOptions& options, const guest::ReportQuery& query,
                  const guest::Evidence& evidence) {
  const auto report = attestation::Report::parse(evidence.report);
  if (!report) return;
  if (options.json) {
    nlohmann::json shown{{"report_data", to_hex(query.report_data)},
                         {"measurement", to_hex(report->measurement())},
                         {"vmpl", report->vmpl()},
                         {"policy", report->policy()},
                         {"reported_tcb", report->reported_tcb()},
                         {"certificate_bytes", evidence.certificate_table.size()},
                         {"sends", evidence.notes.sends},
                         {"table_growths", evidence.notes.table_growths},
                         {"pages_wanted", evidence.notes.pages_wanted}};
    if (evidence.notes.too_small) shown["too_small"] = guest::to_text(*evidence.notes.too_small);
    fmt::print("{}\n", shown.dump());
    return;
  }
  fmt::print("report        {} bytes, version {}, VMPL {}\n", evidence.report.size(),
             report->version(), report->vmpl());
  fmt::print("REPORT_DATA   {}\n", to_hex(query.report_data));
  fmt::print("MEASUREMENT   {}\n", to_hex(report->measurement()));
  fmt::print("REPORTED_TCB  {:#018x}\n", report->reported_tcb());
  if (options.extended) {
    fmt::print("certificates  {} bytes; {}\n", evidence.certificate_table.size(),
               guest::to_text(evidence.notes));
    if (evidence.notes.too_small) {
      fmt::print("              {}\n", guest::to_text(*evidence.notes.too_small));
    }
  }
}

Totals ask_for_reports(guest::Transport& transport, const RequestOptions& options) {
  Totals totals;
  for (; totals.requests < options.count; ++totals.requests) {
    const auto query = make_query(options);
    if (!query) {
      totals.last_failure = query.error().message;
      ++totals.failures;
      break;
    }
    const auto evidence = ask(transport, options, *query);
    if (!evidence) {
      totals.last_failure = explain(evidence.error());
      ++totals.failures;
      continue;
    }
    ByteView certificates = evidence->certificate_table;
    if (options.extended && certificates.empty()) ++totals.without_certificates;
    if (options.match && !certificates.empty()) {
      const auto match = guest::check_certificates_match(evidence->report, certificates);
      if (!match) {
        totals.last_failure = match.error().message;
        ++totals.mismatches;
        certificates = {};  // they belong to another report
      }
    }
    if (const auto saved = save(options, evidence->report, certificates); !saved) {
      totals.last_failure = saved.error().message;
      ++totals.failures;
    }
    if (options.count == 1) print_report(options, *query, *evidence);
  }
  return totals;
}

int request_reports(guest::Transport& transport, const RequestOptions& options) {
  const Totals totals = ask_for_reports(transport, options);
  if (options.count > 1 && options.json) {
    fmt::print("{}\n", nlohmann::json{{"requests", totals.requests},
                                      {"failures", totals.failures},
                                      {"mismatches", totals.mismatches},
                                      {"without_certificates", totals.without_certificates}}
                           .dump());
  } else if (options.count > 1) {
    fmt::print("{} requests, {} failures, {} mismatches, {} without certificates\n",
               totals.requests, totals.failures, totals.mismatches, totals.without_certificates);
  }
  if (!totals.last_failure.empty()) fmt::print(stderr, "{}\n", totals.last_failure);
  if (totals.mismatches != 0) return exit_not_genuine;
  if (totals.failures != 0) return exit_unreadable;
  if (!options.match || totals.without_certificates == 0) return exit_ok;
  fmt::print(
      stderr,
      "extreq request: --match: {} of {} reports came without certificates, and certificates "
      "were expected. The host has none at the moment: ask again, or fetch them from AMD's "
      "key service\n",
      totals.without_certificates, totals.requests);
  return exit_not_acceptable;
}

int request_key(guest::Transport& transport, const RequestOptions& options) {
  guest::KeyQuery query;
  query.vmpl = options.vmpl;
  query.guest_field_select = abi::snp::guest_field_select::measurement;
  const auto key = transport.derived_key(query);
  if (!key) {
    fmt::print(stderr, "{}\n", explain(key.error()));
    return exit_unreadable;
  }
  // The key goes to a file if one is named, and nowhere else.
  if (!options.report_file.empty()) {
    const auto saved = replace_file(options.report_file, key->view(), private_mode);
    if (!saved) {
      fmt::print(stderr, "{}\n", saved.error().message);
      return exit_unreadable;
    }
  }
  fmt::print("derived key   {} bytes, bound to MEASUREMENT\n", key->view().size());
  return 0;
}

int run_request(const RequestOptions& options) {
  const auto transport = open_transport(options);
  if (!transport) {
    fmt::print(stderr, "{}\n", transport.error().message);
    return exit_unreadable;
  }
  return options.key ? request_key(**transport, options) : request_reports(**transport, options);
}

}  // namespace

void add_request(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RequestOptions>();
  CLI::App* verb = app.add_subcommand("request", "inside an SNP guest: ask for a report or a key");
  verb->add_option("--report-data", options->report_data,
                   "up to 64 bytes in hexadecimal, padded with zeros; random if not given");
  verb->add_option("--vmpl", options->vmpl, "privilege level in the report, 0 to 3");
  verb->add_flag("--extended", options->extended, "with the host's certificates");
  verb->add_flag(
      "--match", options->match,
      "check that the certificates belong to the report (implies --extended); those that do "
      "not are not written");
  verb->add_flag("--length-first", options->length_first,
                 "ask with no room for certificates first, to learn their size (device only)");
  verb->add_flag("--key", options->key, "a derived key bound to the measurement");
  verb->add_option("--transport", options->transport,
                   "device, tsm, or auto: tsm where there is one")
      ->check(CLI::IsMember({"auto", "device", "tsm"}));
  verb->add_option("--report", options->report_file, "write the report (or the key) to this file");
  verb->add_option("--certs", options->certificates_file,
                   "write the certificate table to this file; if there is none, remove the file");
  verb->add_option("--count", options->count, "ask so often")->check(CLI::Range(1U, 1000000U));
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer(
      "Exit: 0 done; 1 usage; 2 --match: the certificates do not belong to the report; 3 --match:\n"
      "the host gave no certificates; 4 no report, or a file cannot be written.");
  verb->callback([options, &exit_code] {
    if (options->match || !options->certificates_file.empty()) options->extended = true;
    exit_code = run_request(*options);
  });
}

}  // namespace extreq::cli
