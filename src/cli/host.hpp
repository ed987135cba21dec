// The subcommands of `extreq host`, as verbs.hpp has the verbs.
#pragma once

namespace CLI {
class App;
}

namespace extreq::cli {

void add_host_serve(CLI::App& host, int& exit_code);
void add_host_status(CLI::App& host, int& exit_code);
void add_host_update(CLI::App& host, int& exit_code);

}  // namespace extreq::cli
