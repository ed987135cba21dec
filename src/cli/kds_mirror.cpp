// extreq kds mirror: the key service's paths, answered from a store that fills itself.
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/try.hpp"
#include "cli/exit_code.hpp"
#include "cli/fleet_hosts.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/verbs.hpp"
#include "fleet/mirror_server.hpp"

namespace extreq::cli {
namespace {

struct MirrorOptions {
  FleetOptions fleet;
  std::string address = "127.0.0.1";
  int port = 8010;
  unsigned threads = 64;
  unsigned patience = 25;
  std::string report_tokens;
};

Status run_mirror(const MirrorOptions& options) {
  // Blocked before any thread starts, so that all of them have it so.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  EXTREQ_TRY_ASSIGN(const auto parts, FleetParts::open(options.fleet));
  fleet::Mirror::Options mirror_options;
  mirror_options.patience = std::chrono::seconds(options.patience);
  mirror_options.waiting_max = options.threads / 2;  // the other half stays for what is known
  EXTREQ_TRY_ASSIGN(const auto mirror,
                    FleetMirror::open(*parts, options.fleet, std::move(mirror_options)));
  std::unique_ptr<fleet::ReportDesk> desk;
  if (!options.report_tokens.empty()) {
    EXTREQ_TRY_ASSIGN(auto tokens, fleet::ReportTokens::load(options.report_tokens));
    desk = std::make_unique<fleet::ReportDesk>(parts->records(), std::move(tokens));
  }
  EXTREQ_TRY_ASSIGN(const auto server,
                    fleet::MirrorServer::start(mirror->mirror(), desk.get(), options.address,
                                               options.port, options.threads));
  fmt::print("http://{}:{}\n", options.address, server->port());
  std::fflush(stdout);
  while (::sigwaitinfo(&signals, nullptr) < 0 && errno == EINTR) {
  }
  return {};
}

}  // namespace

void add_kds_mirror(CLI::App& app, int& exit_code) {
  constexpr int highest_port = 65535;
  auto options = std::make_shared<MirrorOptions>();
  CLI::App* const verb = app.get_subcommand("kds")->add_subcommand(
      "mirror", "Answer the key service's paths from a store that fills itself; prints its URL");
  add_store_options(*verb, options->fleet);
  add_upstream_options(*verb, options->fleet);
  verb->add_option("--address", options->address, "Where to listen")->capture_default_str();
  verb->add_option("--port", options->port, "0: a free one")
      ->check(CLI::Range(0, highest_port))
      ->capture_default_str();
  verb->add_option("--threads", options->threads, "Requests answered at a time")
      ->check(CLI::Range(2U, 4096U))
      ->capture_default_str();
  verb->add_option("--patience", options->patience,
                   "How long a request waits for what must be fetched, in seconds")
      ->check(CLI::Range(0U, 600U))
      ->capture_default_str();
  verb->add_option("--report-tokens", options->report_tokens,
                   "Take the reports of hosts that know one of this file's tokens, one in a line")
      ->type_name("FILE");
  verb->callback([options, &exit_code] {
    const auto done = run_mirror(*options);
    exit_code = done ? int{exit_ok} : refuse_fleet("kds mirror", done.error());
  });
}

}  // namespace extreq::cli
