// The program extreq: one verb per file.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/exit_code.hpp"
#include "cli/verbs.hpp"

namespace {

// The program that started this one may have closed standard input, output or error. The next file
// that is opened would get that number, and what is printed would be written into it: the
// certificate blob, say.
bool standard_descriptors_are_open() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) return false;
  }
  return true;
}

int run(int argc, char** argv) {
  using namespace extreq::cli;  // NOLINT(google-build-using-namespace)
  CLI::App app(
      "Attestation reports of AMD SEV-SNP guests and the certificates that belong to them");
  app.name("extreq");
  app.require_subcommand(1);
  app.set_version_flag("--version", "extreq " EXTREQ_VERSION, "Print the version and exit");
  int exit_code = exit_ok;
  add_verify(app, exit_code, &read_stored_support);
  add_show(app, exit_code);
  add_demo(app, exit_code);
  add_request(app, exit_code);
  add_boot(app, exit_code);
  add_measure(app, exit_code);
  add_idblock(app, exit_code);
  add_policy(app, exit_code);
  add_host(app, exit_code);
  add_doctor(app, exit_code);
  add_kds(app, exit_code);
  add_certs(app, exit_code);
  add_fleet(app, exit_code);
  add_kds_mirror(app, exit_code);
  add_kds_prefetch(app, exit_code);
  add_describe_verbs(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (std::fflush(stdout) != 0 && exit_code == exit_ok) {
    fmt::print(stderr, "extreq: the output could not be written\n");
    return exit_unreadable;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  if (!standard_descriptors_are_open()) return extreq::cli::exit_unreadable;
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fputs("extreq: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
    return extreq::cli::exit_unreadable;
  }
}
