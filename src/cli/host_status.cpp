// extreq host status: what signs, what guests get, and whether the two fit.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/check_lines.hpp"
#include "cli/exit_code.hpp"
#include "cli/host.hpp"
#include "cli/host_parts.hpp"
#include "host/status.hpp"

namespace extreq::cli {
namespace {

struct StatusOptions {
  HostOptions host;
  bool json = false;
};

int run_status(const StatusOptions& options) {
  const auto platform = open_platform(options.host);
  host::CheckLines lines;
  if (platform) {
    lines = host::host_status(*platform->platform, blob_path(options.host), system_clock().utc());
  } else {
    lines.push_back({"platform", host::Verdict::bad, platform.error().message,
                     "`extreq doctor` looks for the cause"});
  }
  const bool well = host::all_well(lines);
  if (options.json) {
    print_json({{"well", well}, {"lines", to_document(lines)}});
  } else {
    print_check_lines({}, lines);
  }
  return well ? exit_ok : exit_not_acceptable;
}

}  // namespace

void add_host_status(CLI::App& host, int& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* const verb = host.add_subcommand(
      "status", "Show the platform's key, the table that guests get, and whether they fit");
  add_platform_options(*verb, options->host);
  verb->add_option("--blob", options->host.blob,
                   "The certificate blob; without it: /run/extreq/certs/host.blob, or in the "
                   "model's folder")
      ->type_name("FILE");
  verb->add_flag("--json", options->json, "Write the result as one JSON object");
  verb->footer("Exit: 0 all is well; 1 usage; 3 a line is bad, and says what to do.");
  verb->callback([options, &exit_code] { exit_code = run_status(*options); });
}

}  // namespace extreq::cli
