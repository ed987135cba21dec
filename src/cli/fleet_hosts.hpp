// Which hosts, and which TCB they will have: options that verbs for fleets share.
#pragma once

#include <string>
#include <vector>

#include "cli/fleet_parts.hpp"
#include "fleet/rollout.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

struct HostsOptions {
  std::string file;
  bool from_store = false;
  unsigned seen_days = 30;
  std::vector<std::string> to_tcb;
};

// Effect: adds --hosts, --from-store, --seen-days and --to-tcb.
void add_hosts_options(CLI::App& verb, HostsOptions& options);

// The keys that those hosts will sign with. Failure: as reading the file and the store;
// invalid_input for what is no host or no TCB.
[[nodiscard]] Result<std::vector<host::CertificateKey>> wanted_keys(FleetParts& parts,
                                                                    const HostsOptions& options);

// Says what went wrong, and gives the exit code for it.
[[nodiscard]] int refuse_fleet(const char* verb, const Error& error);

}  // namespace extreq::cli
