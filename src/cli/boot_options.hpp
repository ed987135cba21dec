// The options that decide a guest's measurement: the same for `boot` and `measure`.
#pragma once

#include <optional>
#include <string>

#include "machine/guest_image.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

struct GuestArguments {
  std::string kernel;
  std::string modules;
  std::string busybox;
  std::string initrd;
  std::string append;
  std::uint64_t memory_mib = 512;
  machine::GuestDevices devices;
  bool through_decompressor = false;
  bool verbose = false;
};

// Lifetime: `arguments` must outlive `verb`.
void add_guest_arguments(CLI::App& verb, GuestArguments& arguments);

// `cpu`: what the CPUID page tells the guest; it does not change the measurement.
// Failure: as guest_payload, find_kernel, prepare_guest.
[[nodiscard]] Result<machine::GuestImage> prepare(const GuestArguments& arguments,
                                                  const firmware::CpuSignature& cpu = {0x19, 0x01,
                                                                                       0x01});

// The kernel that is meant: the one named, or the one found. Failure: as find_kernel.
[[nodiscard]] Result<std::string> kernel_path(const GuestArguments& arguments);

}  // namespace extreq::cli
