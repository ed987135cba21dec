#include "machine/guest_image.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include <unistd.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "machine/initramfs.hpp"

namespace extreq::machine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t initrd_limit = std::size_t{1} << 30U;
constexpr std::size_t program_limit = std::size_t{64} << 20U;

// The console, and a machine that ends when the guest does. The bounce buffers are small: without
// devices nothing uses them, and each of their pages is shared one by one.
constexpr const char* base_command_line =
    "console=ttyS0 panic=-1 reboot=t swiotlb=512 random.trust_cpu=on";
constexpr const char* device_command_line = "console=ttyS0 panic=-1 reboot=t random.trust_cpu=on";

std::string make_command_line(const GuestOptions& options) {
  const bool devices = options.devices.network || !options.devices.share.empty();
  std::string line = devices ? device_command_line : base_command_line;
  if (options.quiet) line += " quiet";
  if (!options.append.empty()) line += ' ' + options.append;
  return line;
}

// Beside the kernel as its package has it (boot/vmlinuz-R and lib/modules/R), or the host's own.
Result<std::string> find_modules(const GuestOptions& options, const std::string& release) {
  if (options.modules) return *options.modules;
  const fs::path root = fs::absolute(options.kernel).parent_path().parent_path();
  for (const fs::path& folder : {root / "lib/modules" / release, root / "usr/lib/modules" / release,
                                 fs::path("/lib/modules") / release}) {
    std::error_code error;
    if (fs::is_directory(folder, error)) return folder.string();
  }
  return fail(Code::not_found, "no folder of modules for kernel {} beside {} or in /lib/modules",
              release, options.kernel);
}

Result<Bytes> read_busybox(const GuestOptions& options) {
  if (options.busybox) return read_file(*options.busybox, program_limit);
  const fs::path fetched =
      fs::absolute(options.kernel).parent_path().parent_path().parent_path() / "busybox";
  if (::access(fetched.c_str(), R_OK) != 0) return Bytes();
  return read_file(fetched.string(), program_limit);
}

// "6.10" after "6.9": digits compare as numbers.
bool version_less(const std::string& a, const std::string& b) {
  return ::strverscmp(a.c_str(), b.c_str()) < 0;
}

}  // namespace

Result<GuestImage> prepare_guest(const GuestOptions& options, const GuestPrograms& programs) {
  EXTREQ_TRY_ASSIGN(KernelImage kernel, KernelImage::open(options.kernel));
  if (const auto good = check_sites(kernel.sites()); !good) {
    return fail(good.error().code, "{}: {}", options.kernel, good.error().message);
  }
  EXTREQ_TRY_ASSIGN(const std::string folder, find_modules(options, kernel.release()));
  EXTREQ_TRY_ASSIGN(const KernelModules modules, KernelModules::open(folder));
  EXTREQ_TRY_ASSIGN(auto selected, select_modules(modules, options.devices));
  EXTREQ_TRY_ASSIGN(const Bytes busybox, read_busybox(options));
  Bytes initrd = make_initramfs({programs.init, programs.program, busybox, std::move(selected)});
  if (options.more_initrd) {
    EXTREQ_TRY_ASSIGN(const Bytes more, read_file(*options.more_initrd, initrd_limit));
    initrd.insert(initrd.end(), more.begin(), more.end());
  }
  LaunchInputs inputs;
  inputs.initrd = initrd;
  inputs.command_line = make_command_line(options);
  inputs.memory = options.memory;
  inputs.cpu = options.cpu;
  inputs.through_decompressor = options.through_decompressor;
  EXTREQ_TRY_ASSIGN(LaunchPlan plan, plan_launch(kernel, inputs));
  return GuestImage{std::move(kernel), std::move(plan), inputs.command_line, !busybox.empty()};
}

Result<std::string> find_kernel(const std::string& folder) {
  for (const std::string& place : {folder + "/host/boot", std::string("/boot")}) {
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(place, error); entry != fs::directory_iterator();
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.rfind("vmlinuz-", 0) == 0 && ::access(entry->path().c_str(), R_OK) == 0) {
        found.push_back(entry->path().string());
      }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return fail(Code::io, "kernels: {}: {}", place, error.message());
    }
    if (!found.empty()) return *std::max_element(found.begin(), found.end(), version_less);
  }
  return fail(Code::not_found,
              "no kernel in {} or /boot: run scripts/fetch-kernel.sh, or name one with --kernel",
              folder);
}

}  // namespace extreq::machine
