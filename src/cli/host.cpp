// extreq host: the certificates of this machine's signing key.
#include "cli/host.hpp"

#include <CLI/CLI.hpp>

#include "cli/verbs.hpp"

namespace extreq::cli {

void add_host(CLI::App& app, int& exit_code) {
  CLI::App* const host =
      app.add_subcommand("host", "Keep the certificates of this machine's signing key true");
  host->require_subcommand(1);
  add_host_serve(*host, exit_code);
  add_host_status(*host, exit_code);
  add_host_update(*host, exit_code);
}

}  // namespace extreq::cli
