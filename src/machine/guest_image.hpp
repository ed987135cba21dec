// GuestImage: everything that decides a guest's measurement, from files and options.
//
// `extreq boot` and `extreq measure` prepare it the same way: what is booted is what is measured.
#pragma once

#include <optional>
#include <string>

#include "machine/guest_devices.hpp"
#include "machine/kernel_image.hpp"
#include "machine/launch_plan.hpp"

namespace extreq::machine {

struct GuestOptions {
  std::string kernel;  // a bzImage
  std::optional<std::string>
      modules;  // lib/modules/RELEASE; found by the kernel's path if not given
  std::optional<std::string>
      busybox;  // a static busybox; found by the kernel's path if there is one
  std::optional<std::string> more_initrd;  // unpacked over the initramfs
  std::string append;                      // to the command line
  std::uint64_t memory = 512ULL << 20U;
  GuestDevices devices;
  bool through_decompressor = false;
  bool quiet = true;  // without the kernel's messages on the console
  firmware::CpuSignature cpu;
};

struct GuestPrograms {
  ByteView init;
  ByteView program;
};

struct GuestImage {
  KernelImage kernel;
  LaunchPlan plan;
  std::string command_line;
  bool has_shell = false;
};

// Failure: as KernelImage::open, check_sites, select_modules, plan_launch; not_found for a file.
[[nodiscard]] Result<GuestImage> prepare_guest(const GuestOptions& options,
                                               const GuestPrograms& programs);

// The newest kernel that scripts/fetch-kernel.sh unpacked below `folder`, else the newest readable
// one in /boot. Failure: not_found, and what to do.
[[nodiscard]] Result<std::string> find_kernel(const std::string& folder);

}  // namespace extreq::machine
