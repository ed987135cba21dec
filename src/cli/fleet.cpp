// extreq fleet: is a fleet ready for its rollout, and how would one go?
#include <map>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/time_text.hpp"
#include "base/try.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/fleet_hosts.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/seconds.hpp"
#include "cli/verbs.hpp"
#include "fleet/simulation.hpp"

namespace extreq::cli {
namespace {

struct ReadyOptions {
  FleetOptions fleet;
  HostsOptions hosts;
  bool json = false;
};

Result<int> ready(const ReadyOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto parts, FleetParts::open(options.fleet));
  EXTREQ_TRY_ASSIGN(const auto keys, wanted_keys(*parts, options.hosts));
  EXTREQ_TRY_ASSIGN(const auto missing,
                    fleet::missing_leaves(parts->store(), keys, system_clock().utc()));
  Document list = Document::array();
  for (const auto& key : missing) {
    list.push_back({{"product", attestation::kds_name(key.product)},
                    {"chip_id", to_hex(key.holder)},
                    {"tcb", attestation::to_text(key.tcb)}});
  }
  if (options.json) {
    print_json({{"ready", missing.empty()}, {"hosts", keys.size()}, {"missing", std::move(list)}});
  } else {
    for (const auto& key : missing) fmt::print("missing: {}\n", host::to_text(key));
    fmt::print("{} of {} hosts have their certificate\n", keys.size() - missing.size(),
               keys.size());
  }
  return missing.empty() ? exit_ok : exit_not_acceptable;
}

struct ListOptions {
  FleetOptions fleet;
  unsigned seen_days = 30;
  bool json = false;
};

// As text it is a list for --hosts: what follows # is a remark there.
Status list_hosts(const ListOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto parts, FleetParts::open(options.fleet));
  const auto since = system_clock().utc() - std::chrono::hours(24) * options.seen_days;
  EXTREQ_TRY_ASSIGN(const auto hosts, parts->records().hosts(since));
  Document list = Document::array();
  for (const auto& [report, seen] : hosts) {
    const std::string seen_text = attestation::to_rfc3339(seen);
    if (!options.json) {
      fmt::print("{} {} # reported {}; current {}; seen {}\n",
                 attestation::kds_name(report.product), to_hex(report.chip_id),
                 attestation::to_text(report.reported_tcb),
                 attestation::to_text(report.current_tcb), seen_text);
      continue;
    }
    list.push_back({{"product", attestation::kds_name(report.product)},
                    {"chip_id", to_hex(report.chip_id)},
                    {"reported_tcb", attestation::to_text(report.reported_tcb)},
                    {"current_tcb", attestation::to_text(report.current_tcb)},
                    {"seen", seen_text}});
  }
  if (options.json) print_json(list);
  return {};
}

struct SimulateOptions {
  fleet::SimulationConfig config;
  std::vector<std::string> strategies{"on-demand"};
  double interval = 10;
  double lead_days = 0;
  double stage_gap_hours = 24;
  double guest_interval_minutes = 60;
  double latency_ms = 300;
  std::vector<std::string> outages;  // START_HOURS:LENGTH_HOURS
  bool json = false;
};

const std::map<std::string, fleet::Strategy> strategy_names{
    {"on-demand", fleet::Strategy::on_demand},
    {"mirror", fleet::Strategy::mirror},
    {"prefetch", fleet::Strategy::prefetch}};

constexpr double minute = 60;
constexpr double hour = 60 * minute;
constexpr double day = 24 * hour;

Result<fleet::SimulationConfig> config_of(const SimulateOptions& options,
                                          fleet::Strategy strategy) {
  fleet::SimulationConfig config = options.config;
  config.strategy = strategy;
  config.interval = from_seconds(options.interval);
  config.lead = from_seconds(options.lead_days * day);
  config.stage_gap = from_seconds(options.stage_gap_hours * hour);
  config.guest_interval = from_seconds(options.guest_interval_minutes * minute);
  config.latency = from_seconds(options.latency_ms / 1000);
  config.gated = config.gated && strategy == fleet::Strategy::prefetch;
  for (const std::string& text : options.outages) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) {
      return fail(Code::invalid_input, "--outage {}: wanted START:LENGTH in hours", text);
    }
    try {
      config.outages.push_back({from_seconds(std::stod(text.substr(0, colon)) * hour),
                                from_seconds(std::stod(text.substr(colon + 1)) * hour)});
    } catch (const std::exception&) {
      return fail(Code::invalid_input, "--outage {}: wanted START:LENGTH in hours", text);
    }
  }
  return config;
}

Document simulation_document(const std::string& strategy, const fleet::SimulationConfig& config,
                             const fleet::SimulationResult& result) {
  return {{"strategy", strategy},
          {"hosts", config.hosts},
          {"routes", config.routes},
          {"days_until_rolled_out", in_seconds(result.rolled_out) / day},
          {"days_until_all_verifiable", in_seconds(result.all_verifiable) / day},
          {"days_by_closed_formula", in_seconds(fleet::closed_formula(config)) / day},
          {"guests_refused", result.guests_refused},
          {"upstream_requests", result.upstream_requests},
          {"upstream_429", result.upstream_limited},
          {"upstream_503", result.upstream_outages}};
}

Status simulate(const SimulateOptions& options) {
  Document all = Document::array();
  for (const std::string& strategy : options.strategies) {
    EXTREQ_TRY_ASSIGN(const auto config, config_of(options, strategy_names.at(strategy)));
    EXTREQ_TRY_ASSIGN(const auto result, fleet::simulate(config));
    all.push_back(simulation_document(strategy, config, result));
  }
  if (options.json) {
    print_json(all);
  } else {
    for (const auto& one : all) print_text(one);
  }
  return {};
}

void add_ready(CLI::App& fleet_verb, int& exit_code) {
  auto options = std::make_shared<ReadyOptions>();
  CLI::App* const verb = fleet_verb.add_subcommand(
      "ready",
      "Exit 0 if every host's certificate for the TCB to come is stored; else 3, and list "
      "what is missing");
  add_store_options(*verb, options->fleet);
  add_hosts_options(*verb, options->hosts);
  verb->add_flag("--json", options->json, "Write the result as one JSON object");
  verb->callback([options, &exit_code] {
    const auto done = ready(*options);
    exit_code = done ? *done : refuse_fleet("fleet ready", done.error());
  });
}

void add_hosts(CLI::App& fleet_verb, int& exit_code) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* const verb =
      fleet_verb.add_subcommand("hosts", "The hosts that reported themselves: a list for --hosts");
  add_store_options(*verb, options->fleet);
  verb->add_option("--seen-days", options->seen_days, "Leave out those whose report is older")
      ->check(CLI::Range(1U, 3650U))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "Write them as one JSON array");
  verb->callback([options, &exit_code] {
    const auto done = list_hosts(*options);
    exit_code = done ? int{exit_ok} : refuse_fleet("fleet hosts", done.error());
  });
}

void add_simulate(CLI::App& fleet_verb, int& exit_code) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* const verb = fleet_verb.add_subcommand(
      "simulate", "How a rollout would go, by the real scheduler under a simulated clock");
  auto& config = options->config;
  verb->add_option("--hosts", config.hosts, "Hosts")->capture_default_str();
  verb->add_option("--routes", config.routes, "Addresses that the key service sees")
      ->capture_default_str();
  verb->add_option("--verifiers", config.verifiers,
                   "on-demand: verifiers with a cache of their own each")
      ->capture_default_str();
  verb->add_option("--strategy", options->strategies,
                   "on-demand, mirror, prefetch; several compare")
      ->check(CLI::IsMember(strategy_names))
      ->delimiter(',');
  verb->add_option("--stages", config.stages, "Equal parts of the rollout")->capture_default_str();
  verb->add_option("--stage-gap", options->stage_gap_hours, "Hours between two stages")
      ->capture_default_str();
  verb->add_flag("--gated", config.gated, "prefetch: a stage waits for its certificates");
  verb->add_option("--lead", options->lead_days, "prefetch: days before the rollout")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--guest-interval", options->guest_interval_minutes,
                   "Minutes between two attestations on one host, on average")
      ->capture_default_str();
  verb->add_option("--interval", options->interval, "The key service's: seconds for one leaf")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--burst", config.burst, "The key service's: leaves at once after a rest")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  verb->add_option("--latency", options->latency_ms, "The key service's, in milliseconds")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--outage", options->outages, "START:LENGTH in hours; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--seed", config.seed, "Of the guests")->capture_default_str();
  verb->add_flag("--json", options->json, "Write the results as one JSON array");
  verb->callback([options, &exit_code] {
    const auto done = simulate(*options);
    exit_code = done ? int{exit_ok} : refuse_fleet("fleet simulate", done.error());
  });
}

}  // namespace

void add_fleet(CLI::App& app, int& exit_code) {
  CLI::App* const fleet_verb =
      app.add_subcommand("fleet", "Many hosts: ready for a rollout? How would one go?");
  fleet_verb->require_subcommand(1);
  add_ready(*fleet_verb, exit_code);
  add_hosts(*fleet_verb, exit_code);
  add_simulate(*fleet_verb, exit_code);
}

}  // namespace extreq::cli
