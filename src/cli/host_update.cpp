// extreq host update: change what the firmware signs with, and the certificates with it.
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/byte_reader.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/host.hpp"
#include "cli/host_parts.hpp"
#include "cli/seconds.hpp"
#include "host/tcb_text.hpp"
#include "host/update_plan.hpp"

namespace extreq::cli {
namespace {

using host::UpdateReport;

constexpr unsigned longest_lock_wait = 3600;

// --NAME and --no-NAME; none of them: as it is.
struct Mask {
  bool on = false;
  bool off = false;

  [[nodiscard]] std::optional<bool> wanted() const {
    return on || off ? std::optional(on) : std::nullopt;
  }
};

struct UpdateOptions {
  HostOptions host;
  std::optional<std::string> to_tcb;
  bool commit = false;
  bool config = false;
  Mask mask_chip_id;
  Mask mask_chip_key;
  std::string vlek;
  std::vector<std::string> command;
  unsigned lock_wait = 30;  // seconds
  bool sole_writer = false;
  bool json = false;
};

Result<abi::snp::WrappedVlek> read_hashstick(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const Bytes bytes, read_file(path));
  ByteReader reader(bytes);
  const auto vlek = reader.object<abi::snp::WrappedVlek>();
  if (vlek && bytes.size() == sizeof(abi::snp::WrappedVlek)) return *vlek;
  return fail(Code::invalid_input, "{}: {} bytes, a wrapped VLEK hashstick has {}", path,
              bytes.size(), sizeof(abi::snp::WrappedVlek));
}

Result<host::UpdateTransaction::Plan> plan_of(const UpdateOptions& options,
                                              firmware::Platform& platform,
                                              host::EndingSignals& signals) {
  std::optional<attestation::Tcb> to_tcb;
  if (options.to_tcb) {
    EXTREQ_TRY_ASSIGN(const auto state, host::read_signing_state(platform));
    EXTREQ_TRY_ASSIGN(to_tcb, host::parse_tcb(*options.to_tcb, state.product));
  }
  if (options.commit) return host::plan_commit(platform);
  if (options.config) {
    return host::plan_config(
        platform, {to_tcb, options.mask_chip_id.wanted(), options.mask_chip_key.wanted()});
  }
  if (!options.vlek.empty()) {
    EXTREQ_TRY_ASSIGN(const auto vlek, read_hashstick(options.vlek));
    return host::plan_vlek_load(platform, vlek, options.host.csp_id);
  }
  return host::plan_program(options.command, to_tcb, signals);
}

Document text_or_null(const std::optional<Error>& error) {
  if (!error) return nullptr;
  return error->message;
}

Document update_document(const UpdateReport& report) {
  Document holders = Document::array();
  for (const auto& holder : report.lock_wait.holders)
    holders.push_back(fmt::format("{} (process {})", holder.command, holder.process));
  return {{"before", host::to_text(report.before)},
          {"after", report.after ? Document(host::to_text(*report.after)) : Document(nullptr)},
          {"command_error", text_or_null(report.command_error)},
          {"certificates", report.no_certificates ? "none" : "served"},
          {"no_certificates_because", text_or_null(report.no_certificates)},
          {"lock_wait_seconds", in_seconds(report.lock_wait.waited)},
          {"waited_for", holders},
          {"held_seconds", in_seconds(report.held)}};
}

Result<UpdateReport> update(const UpdateOptions& options, host::EndingSignals& signals) {
  EXTREQ_TRY_ASSIGN(const auto parts, HostParts::open(options.host));
  EXTREQ_TRY_ASSIGN(const auto plan, plan_of(options, parts->platform(), signals));
  lease::BlobWriter writer(blob_path(options.host), {.sole_writer = options.sole_writer});
  const auto first =
      options.vlek.empty() ? host::AskFirst::store : host::AskFirst::key_service_for_vlek;
  host::UpdateTransaction transaction(writer, parts->platform(), parts->tables().provider(first));
  return transaction.run(plan, std::chrono::seconds(options.lock_wait), &signals);
}

int run_update(const UpdateOptions& options) {
  host::EndingSignals signals;
  const auto report = update(options, signals);
  signals.release();
  if (const int signal = signals.first(); signal != 0) {
    fmt::print(stderr,
               "extreq host update: signal {} ({}) came, and the update was finished first\n",
               signal, ::strsignal(signal));
  }
  if (!report) {
    fmt::print(stderr, "extreq host update: nothing was changed: {}\n", report.error().message);
    return exit_unreadable;
  }
  const Document document = update_document(*report);
  if (options.json) {
    print_json(document);
  } else {
    print_text(document);
  }
  return report->command_error || report->no_certificates ? exit_unreadable : exit_ok;
}

void add_forms(CLI::App& verb, UpdateOptions& options) {
  auto* const form = verb.add_option_group("form", "What changes the platform: one of these");
  form->add_flag("--commit", options.commit, "SNP_COMMIT");
  auto* const config = form->add_flag(
      "--config", options.config,
      "SNP_CONFIG: the reported TCB becomes --to-tcb; TCB and masks that are not named stay");
  form->add_option("--vlek-load", options.vlek, "SNP_VLEK_LOAD of a wrapped hashstick")
      ->type_name("FILE");
  form->require_option(0, 1);
  // Not in the group: CLI11 does not look there for what stands behind "--".
  verb.add_option("command", options.command, "A program, behind \"--\", with its arguments")
      ->type_name("-- COMMAND");
  const auto mask = [&](const std::string& name, Mask& mask, const char* on, const char* off) {
    auto* const set = verb.add_flag("--" + name, mask.on, on)->needs(config);
    verb.add_flag("--no-" + name, mask.off, off)->needs(config)->excludes(set);
  };
  mask("mask-chip-id", options.mask_chip_id, "Reports carry no chip id", "Reports carry it");
  mask("mask-chip-key", options.mask_chip_key, "Reports carry no signature", "Reports carry one");
}

}  // namespace

void add_host_update(CLI::App& host, int& exit_code) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App* const verb = host.add_subcommand(
      "update", "Change the signing key, and the certificates with it, under the lock");
  verb->add_option("--to-tcb", options->to_tcb,
                   "The reported TCB that it leads to: bl=4,tee=0,snp=22,ucode=213 (Turin: fmc=1 "
                   "too) or 0x...; without it: the present one")
      ->type_name("TCB");
  add_forms(*verb, *options);
  add_platform_options(*verb, options->host);
  add_certificate_options(*verb, options->host);
  verb->add_option("--blob", options->host.blob,
                   "The certificate blob; without it: /run/extreq/certs/host.blob, or in the "
                   "model's folder")
      ->type_name("FILE");
  verb->add_option("--lock-wait", options->lock_wait, "How long to wait for guests' requests")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, longest_lock_wait))
      ->capture_default_str();
  verb->add_flag("--sole-writer", options->sole_writer,
                 "Readers may keep their copy while nobody changed the blob: 2 system calls for a "
                 "lease. Only where every writer is extreq with this option, and nobody removes or "
                 "replaces the blob");
  verb->add_flag("--json", options->json, "Write the result as one JSON object");
  verb->footer(
      "Exit: 0 done, and certificates that fit are served; 1 usage; 4 nothing was changed, the\n"
      "command failed, or guests get an empty table: the output says which. From the moment at "
      "which\n"
      "guests get an empty table, signals do not end it: SIGHUP, SIGINT, SIGQUIT and SIGTERM go to "
      "the\n"
      "command, and the update is finished.");
  verb->callback([options, &exit_code] {
    const bool built_in = options->commit || options->config || !options->vlek.empty();
    if (built_in != options->command.empty()) {
      throw CLI::ValidationError(
          "host update",
          "one of --commit, --config, --vlek-load or a command behind \"--\" is wanted");
    }
    exit_code = run_update(*options);
  });
}

}  // namespace extreq::cli
