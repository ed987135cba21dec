// extreq kds prefetch: every host's next certificate, before it is needed.
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/try.hpp"
#include "cli/exit_code.hpp"
#include "cli/fleet_hosts.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

struct PrefetchOptions {
  FleetOptions fleet;
  HostsOptions hosts;
  bool plan_only = false;
};

// A line that is drawn over on a terminal, lines of JSON elsewhere.
class PrefetchProgress {
 public:
  PrefetchProgress(std::size_t total, double seconds_each)
      : total_(total), seconds_each_(seconds_each), terminal_(::isatty(STDOUT_FILENO) == 1) {}

  void show(std::size_t pending) {
    if (pending == last_) return;
    last_ = pending;
    const std::size_t done = total_ - std::min(pending, total_);
    const double eta = static_cast<double>(pending) * seconds_each_;
    if (!terminal_) {
      fmt::print("{}\n",
                 nlohmann::json{{"done", done}, {"of", total_}, {"eta_seconds", eta}}.dump());
    } else {
      constexpr std::size_t width = 40;
      const std::size_t filled = total_ == 0 ? width : done * width / total_;
      fmt::print("\r[{:#<{}}{:.<{}}] {}/{}  ETA {:.0f} s ", "", filled, "", width - filled, done,
                 total_, eta);
      if (pending == 0) fmt::print("\n");
    }
    std::fflush(stdout);
  }

 private:
  std::size_t total_;
  double seconds_each_;
  bool terminal_;
  std::size_t last_ = static_cast<std::size_t>(-1);
};

Result<int> run_prefetch(const PrefetchOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto parts, FleetParts::open(options.fleet));
  EXTREQ_TRY_ASSIGN(const auto keys, wanted_keys(*parts, options.hosts));
  EXTREQ_TRY_ASSIGN(const auto missing,
                    fleet::missing_leaves(parts->store(), keys, system_clock().utc()));
  const std::size_t routes = std::max<std::size_t>(options.fleet.routes.size(), 1);
  const double seconds_each = options.fleet.interval / static_cast<double>(routes);
  fmt::print(stderr, "{} hosts, {} certificates missing: {:.0f} s with {} route(s)\n", keys.size(),
             missing.size(), static_cast<double>(missing.size()) * seconds_each, routes);
  if (options.plan_only) return missing.empty() ? exit_ok : exit_not_acceptable;
  {
    EXTREQ_TRY_ASSIGN(const auto fleet_mirror, FleetMirror::open(*parts, options.fleet, {}));
    auto& scheduler = fleet_mirror->mirror().scheduler();
    for (const auto& key : missing) {
      EXTREQ_TRY_ASSIGN(const auto item, host::kds_path({host::KdsObject::leaf, key}));
      scheduler.want(item, fleet::Urgency::prefetch);
    }
    PrefetchProgress progress(missing.size(), seconds_each);
    while (scheduler.pending() > 0) {
      progress.show(scheduler.pending());
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    progress.show(0);
  }
  EXTREQ_TRY_ASSIGN(const auto left,
                    fleet::missing_leaves(parts->store(), missing, system_clock().utc()));
  for (const auto& key : left) fmt::print(stderr, "not to be had: {}\n", host::to_text(key));
  return left.empty() ? exit_ok : exit_not_acceptable;
}

}  // namespace

void add_kds_prefetch(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PrefetchOptions>();
  CLI::App* const verb = app.get_subcommand("kds")->add_subcommand(
      "prefetch",
      "Fetch every host's certificate for the TCB to come; may be interrupted, and run "
      "on many machines at once");
  add_store_options(*verb, options->fleet);
  add_upstream_options(*verb, options->fleet);
  add_hosts_options(*verb, options->hosts);
  verb->add_flag("--plan", options->plan_only,
                 "Say what is missing and how long it takes, no more");
  verb->callback([options, &exit_code] {
    const auto done = run_prefetch(*options);
    exit_code = done ? *done : refuse_fleet("kds prefetch", done.error());
  });
}

}  // namespace extreq::cli
