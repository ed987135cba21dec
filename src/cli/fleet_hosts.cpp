#include "cli/fleet_hosts.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "cli/exit_code.hpp"

namespace extreq::cli {

void add_hosts_options(CLI::App& verb, HostsOptions& options) {
  auto* const hosts = verb.add_option_group("hosts");
  hosts
      ->add_option("--hosts", options.file,
                   "The hosts: lines of product and chip id (\"Milan 0123...\")")
      ->type_name("FILE");
  hosts->add_flag("--from-store", options.from_store,
                  "The hosts that reported themselves, and those that the store has a VCEK of, "
                  "for any TCB");
  hosts->require_option(1);
  verb.add_option("--seen-days", options.seen_days,
                  "--from-store: hosts whose last report is older do not count for it")
      ->check(CLI::Range(1U, 3650U))
      ->capture_default_str();
  verb.add_option("--to-tcb", options.to_tcb,
                  "What they will report: Milan:bl=4,tee=0,snp=22,ucode=213; once for each product")
      ->type_name("PRODUCT:TCB")
      ->required()
      ->allow_extra_args(false);
}

Result<std::vector<host::CertificateKey>> wanted_keys(FleetParts& parts,
                                                      const HostsOptions& options) {
  constexpr std::size_t hosts_file_max = 256U << 20U;  // more than a million hosts
  std::vector<fleet::TargetTcb> targets;
  for (const std::string& text : options.to_tcb) {
    EXTREQ_TRY_ASSIGN(targets.emplace_back(), fleet::parse_target(text));
  }
  if (options.from_store) {
    const auto since = system_clock().utc() - std::chrono::hours(24) * options.seen_days;
    EXTREQ_TRY_ASSIGN(const auto hosts, fleet::hosts_of(parts.store(), parts.records(), since));
    return fleet::keys_after(hosts, targets);
  }
  EXTREQ_TRY_ASSIGN(const Bytes file, read_file(options.file, hosts_file_max));
  auto hosts = fleet::parse_hosts(std::string(file.begin(), file.end()));
  if (!hosts) return fail(hosts.error().code, "{}: {}", options.file, hosts.error().message);
  return fleet::keys_after(*hosts, targets);
}

int refuse_fleet(const char* verb, const Error& error) {
  fmt::print(stderr, "extreq {}: {}\n", verb, error.message);
  return error.code == Code::invalid_input ? exit_usage : exit_unreadable;
}

}  // namespace extreq::cli
