// extreq doctor: whether this machine has what the host side, or the guest side, stands on.
#include "host/doctor.hpp"

#include <memory>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "abi/sev_guest.hpp"
#include "cli/check_lines.hpp"
#include "cli/exit_code.hpp"
#include "cli/host_parts.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

struct DoctorOptions {
  HostOptions host;
  std::string socket;
  bool host_side = false;
  bool guest_side = false;
  bool json = false;
};

int run_doctor(DoctorOptions options) {
  if (!options.host_side && !options.guest_side) {
    const std::string device(abi::sev_guest::device_path);
    options.guest_side = options.host.platform.empty() && ::access(device.c_str(), F_OK) == 0;
    options.host_side = !options.guest_side;
  }
  host::DoctorPaths paths;
  paths.model = !options.host.platform.empty();
  paths.blob = blob_path(options.host);
  paths.store = store_path(options.host);
  paths.socket = options.socket;
  Document document = {{"well", true}};
  bool well = true;
  const auto show = [&](const char* side, const host::CheckLines& lines) {
    well = well && host::all_well(lines);
    document[side] = to_document(lines);
    if (!options.json) print_check_lines(side, lines);
  };
  if (options.host_side) show("host", host::examine_host(paths));
  if (options.guest_side) show("guest", host::examine_guest(paths));
  document["well"] = well;
  if (options.json) print_json(document);
  return well ? exit_ok : exit_not_acceptable;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* const verb = app.add_subcommand(
      "doctor", "Look for what is missing on this machine: as a host, or as a guest");
  verb->add_flag("--host", options->host_side, "The host side; without both: what this machine is");
  verb->add_flag("--guest", options->guest_side, "The guest side");
  verb->add_option("--platform", options->host.platform, "A model platform's folder: no devices")
      ->type_name("DIR");
  verb->add_option("--blob", options->host.blob, "The certificate blob")->type_name("FILE");
  verb->add_option("--store", options->host.store, "The store of certificates")->type_name("FILE");
  verb->add_option("--socket", options->socket, "The service's socket; without it: not looked at")
      ->type_name("FILE");
  verb->add_flag("--json", options->json, "Write the result as one JSON object");
  verb->footer("Exit: 0 nothing is missing; 1 usage; 3 a line is bad, and says what to do.");
  verb->callback([options, &exit_code] { exit_code = run_doctor(*options); });
}

}  // namespace extreq::cli
