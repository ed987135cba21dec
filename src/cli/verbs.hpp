// The verbs of the program. Each adds itself to `app`; if it is the one called, it writes its
// output and sets `exit_code` (exit_code.hpp), both during app.parse().
// Lifetime: `exit_code` must outlive `app`.
#pragma once

#include "cli/stored_support.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

// `read_store`: what reads the file of --store; without it there is no such option.
void add_verify(CLI::App& app, int& exit_code, ReadStore read_store = nullptr);
void add_show(CLI::App& app, int& exit_code);
void add_demo(CLI::App& app, int& exit_code);
void add_request(CLI::App& app, int& exit_code);
void add_boot(CLI::App& app, int& exit_code);
void add_measure(CLI::App& app, int& exit_code);
void add_idblock(CLI::App& app, int& exit_code);
void add_host(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_kds(CLI::App& app, int& exit_code);
void add_certs(CLI::App& app, int& exit_code);
void add_fleet(CLI::App& app, int& exit_code);
// Below `kds`: after add_kds().
void add_kds_mirror(CLI::App& app, int& exit_code);
void add_kds_prefetch(CLI::App& app, int& exit_code);
void add_policy(CLI::App& app, int& exit_code);
// What `app` then has, for who writes its manual: it must outlive the call's parse().
void add_describe_verbs(CLI::App& app);

}  // namespace extreq::cli
