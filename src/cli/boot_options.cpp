#include "cli/boot_options.hpp"

#include <CLI/CLI.hpp>

#include "base/try.hpp"
#include "cli/payload.hpp"

namespace extreq::cli {
namespace {

constexpr const char* fetched_kernels = "build/kernels";

std::optional<std::string> given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

void add_guest_arguments(CLI::App& verb, GuestArguments& arguments) {
  verb.add_option("--kernel", arguments.kernel,
                  "a bzImage; if not given, the newest that scripts/fetch-kernel.sh fetched, or "
                  "the newest in /boot");
  verb.add_option("--modules", arguments.modules,
                  "its folder lib/modules/RELEASE; if not given, beside the kernel");
  verb.add_option("--busybox", arguments.busybox, "a static busybox: the guest's shell");
  verb.add_option("--initrd", arguments.initrd, "an initramfs to unpack over the guest's own");
  verb.add_option("--append", arguments.append, "more for the kernel's command line");
  verb.add_option("--memory", arguments.memory_mib, "MiB of memory")
      ->check(CLI::Range(machine::memory_min >> 20U, machine::memory_max >> 20U));
  verb.add_flag("--net", arguments.devices.network, "user networking in the guest");
  verb.add_option("--share", arguments.devices.share, "a folder of the host, /share in the guest");
  verb.add_flag("--through-decompressor", arguments.through_decompressor,
                "the kernel file's own decompressor, which also randomises addresses: slower");
  verb.add_flag("--verbose", arguments.verbose, "the kernel's messages on the console");
}

Result<std::string> kernel_path(const GuestArguments& arguments) {
  if (!arguments.kernel.empty()) return arguments.kernel;
  return machine::find_kernel(fetched_kernels);
}

Result<machine::GuestImage> prepare(const GuestArguments& arguments,
                                    const firmware::CpuSignature& cpu) {
  EXTREQ_TRY_ASSIGN(const Payload payload, guest_payload());
  machine::GuestOptions options;
  EXTREQ_TRY_ASSIGN(options.kernel, kernel_path(arguments));
  options.modules = given(arguments.modules);
  options.busybox = given(arguments.busybox);
  options.more_initrd = given(arguments.initrd);
  options.append = arguments.append;
  options.memory = arguments.memory_mib << 20U;
  options.devices = arguments.devices;
  options.through_decompressor = arguments.through_decompressor;
  options.quiet = !arguments.verbose;
  options.cpu = cpu;
  return machine::prepare_guest(options, {payload.init, payload.program});
}

}  // namespace extreq::cli
