// The program extreq inside a guest of `extreq boot`: the verbs that a guest needs, linked
// statically and without what only a host needs.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"

int main(int argc, char** argv) {
  using namespace extreq::cli;  // NOLINT(google-build-using-namespace)
  try {
    CLI::App app("Asks this SNP guest's firmware for attestation reports, and verifies them");
    app.name("extreq");
    app.require_subcommand(1);
    app.set_version_flag("--version", "extreq " EXTREQ_VERSION, "Print the version and exit");
    int exit_code = exit_ok;
    add_request(app, exit_code);
    add_verify(app, exit_code);
    add_show(app, exit_code);
    add_describe_verbs(app);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? exit_ok : exit_usage;
    }
    return std::fflush(stdout) == 0 ? exit_code : exit_unreadable;
  } catch (const std::exception& error) {
    std::fputs("extreq: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
    return exit_unreadable;
  }
}
