// extreq boot: a stock Linux kernel as an SNP guest, on any computer.
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/try.hpp"
#include "cli/attestation_demo.hpp"
#include "cli/boot_options.hpp"
#include "cli/boot_session.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "cli/verbs.hpp"
#include "machine/machine.hpp"

namespace extreq::cli {
namespace {

constexpr auto end_time = std::chrono::seconds(60);
constexpr auto step_time = std::chrono::seconds(60);

struct BootOptions {
  GuestArguments guest;
  SessionOptions session;
  std::string run;
  std::string qemu = "qemu-system-x86_64";
  unsigned timeout_s = 600;
  bool scan = false;
  bool interactive = false;
  bool json = false;
};

int scan(const BootOptions& options) {
  const auto path = kernel_path(options.guest);
  const auto kernel =
      path ? machine::KernelImage::open(*path) : tl::unexpected(Error(path.error()));
  if (!kernel) {
    fmt::print(stderr, "extreq boot: {}\n", kernel.error().message);
    return exit_unreadable;
  }
  fmt::print("{}\nversion      {}\ncompression  {}\nvmlinux      {:#x} to {:#x}, entry {:#x}\n\n",
             *path, kernel->file().version, machine::name(kernel->compression()),
             kernel->vmlinux().physical_start(), kernel->vmlinux().physical_end(),
             kernel->vmlinux().entry);
  for (const auto& site : kernel->sites().sites) {
    fmt::print("{:#018x}  {:#011x}  {}\n", site.virtual_address, site.physical_address,
               machine::name(site.kind));
  }
  if (const auto good = machine::check_sites(kernel->sites()); !good) {
    fmt::print("\n{}\n", good.error().message);
    return exit_unreadable;
  }
  fmt::print("\n{} sites: this kernel can run as an SNP guest.\n", kernel->sites().sites.size());
  return exit_ok;
}

void pass_through(machine::GuestControl::Stream stream, std::string_view text) {
  std::FILE* const file = stream == machine::GuestControl::Stream::output ? stdout : stderr;
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

Status prepare_shell(machine::GuestControl& control, bool network) {
  std::string setup = "/bin/busybox --install -s /bin";
  if (network) {
    // The addresses of QEMU's user network.
    setup +=
        "; ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up && "
        "ip route add default via 10.0.2.2";
  }
  EXTREQ_TRY_ASSIGN(const int status,
                    control.run({"/bin/sh", "-c", setup}, pass_through, step_time));
  if (status != 0)
    return fail(Code::io, "the guest's shell could not be set up: status {}", status);
  return {};
}

// What the guest is for: one of three.
Result<int> use(const BootOptions& options, machine::Machine& machine, AttestationDemo& demo,
                bool has_shell) {
  const bool shell = !options.run.empty() || options.interactive || options.guest.devices.network;
  if (shell && !has_shell) {
    return fail(Code::not_found,
                "--run, --net and --interactive need a shell in the guest: run "
                "scripts/fetch-kernel.sh, or name a static busybox with --busybox");
  }
  if (shell) EXTREQ_TRY(prepare_shell(machine.control(), options.guest.devices.network));
  if (!options.run.empty()) {
    return machine.control().run({"/bin/sh", "-c", options.run}, pass_through,
                                 std::chrono::milliseconds(0));
  }
  if (options.interactive) return run_terminal(machine);
  return demo.run(machine.control());
}

// A port that closed is only the consequence: the machine knows the reason, and the guest's console
// often tells it.
tl::unexpected<Error> why_it_ended(machine::Machine& machine, const char* what,
                                   const Error& error) {
  const auto ended = error.code == Code::closed ? machine.wait(end_time) : Status();
  const std::string console = machine.console().last_words();
  return fail(
      error.code, "{}: {}{}\n{}{}", what, error.message, ended ? "" : "; " + ended.error().message,
      console.empty() ? "The guest's console is empty: --verbose shows the kernel's messages."
                      : "The guest's console ended with:\n",
      console);
}

Result<int> boot(const BootOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  // Making a new platform's keys takes as long as unpacking a kernel.
  auto opening = std::async(std::launch::async, open_processor, options.session.platform);
  auto image = prepare(options.guest);
  EXTREQ_TRY_ASSIGN(auto processor, opening.get());
  if (!image) return tl::unexpected(image.error());
  EXTREQ_TRY_ASSIGN(const auto session, BootSession::create(options.session, std::move(processor)));
  machine::MachineConfig config;
  config.qemu = options.qemu;
  config.devices = options.guest.devices;
  config.trace = session->trace();
  std::FILE* const shown = options.interactive ? stdout : options.guest.verbose ? stderr : nullptr;
  EXTREQ_TRY_ASSIGN(const auto running,
                    machine::Machine::start(config, image->plan, image->kernel, session->parts(),
                                            [shown](std::string_view text) {
                                              if (shown == nullptr) return;
                                              std::fwrite(text.data(), 1, text.size(), shown);
                                              std::fflush(shown);
                                            }));
  machine::Machine& machine = *running;
  const auto ready = machine.control().wait_ready(std::chrono::seconds(options.timeout_s));
  if (!ready) return why_it_ended(machine, "the guest did not start", ready.error());
  if (!ready->empty()) fmt::print(stderr, "guest: {}", *ready);
  EXTREQ_TRY(
      machine.control().put("/root/ark.der", session->processor().kds().ark().der(), step_time));

  AttestationDemo demo(*image, session->processor().kds().ark(), started, options.json,
                       session->trace());
  const auto status = use(options, machine, demo, image->has_shell);
  if (!status) return why_it_ended(machine, "the guest did not do it", status.error());
  EXTREQ_TRY(machine.control().power_off());
  EXTREQ_TRY(machine.wait(end_time));
  EXTREQ_TRY(session->finish());
  if (options.run.empty() && !options.interactive) demo.print_end(machine.stops());
  return *status;
}

int run_boot(const BootOptions& options) {
  if (options.scan) return scan(options);
  const auto status = boot(options);
  if (status) return *status;
  fmt::print(stderr, "extreq boot: {}\n", status.error().message);
  return exit_unreadable;
}

}  // namespace

void add_boot(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<BootOptions>();
  CLI::App* verb =
      app.add_subcommand("boot", "run a stock Linux kernel as an SNP guest, without the hardware");
  add_guest_arguments(*verb, options->guest);
  verb->add_flag("--scan", options->scan, "only print where the kernel needs an SNP processor");
  verb->add_option("--run", options->run,
                   "a shell command for the guest; its exit status becomes that of extreq");
  verb->add_flag("--interactive", options->interactive, "a shell in the guest, on this terminal");
  verb->add_option("--platform", options->session.platform,
                   "the model platform's folder, made if missing; if not given, a new platform "
                   "that ends with the guest");
  verb->add_option("--cert-source", options->session.certificates,
                   "where the guest's certificates come from: model, none, or a blob file");
  verb->add_option("--fault", options->session.faults,
                   "NAME[=VALUE][*COUNT or @DURATION], may be repeated: busy, large-table=PAGES, "
                   "no-certificates, tcb, status=N, flip-tag, replay, slow=MS");
  verb->add_option("--fault-script", options->session.fault_script,
                   "a file with one line of such faults, or 'pass', for each of the guest's "
                   "messages");
  verb->add_option(
      "--trace", options->session.trace,
      "write what stops, exits and requests took to this file, for Perfetto or Chrome");
  verb->add_flag("--rotate", options->session.rotate,
                 "change the reported TCB all the while, and the certificates in the blob file of "
                 "--cert-source with it");
  verb->add_option("--qemu", options->qemu, "the emulator");
  verb->add_option("--timeout", options->timeout_s, "seconds until the guest must have started");
  verb->add_flag("--json", options->json, "one JSON object at the end");
  verb->callback([options, &exit_code] { exit_code = run_boot(*options); });
}

}  // namespace extreq::cli
