// The guest's first root file system: init, the guest's program, a shell, the kernel's modules.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "machine/guest_devices.hpp"
#include "machine/kernel_modules.hpp"

namespace extreq::machine {

struct InitramfsInputs {
  ByteView init;                      // payload/init.cpp, linked statically
  ByteView program;                   // the guest's extreq
  ByteView busybox;                   // static; empty: no shell in the guest
  std::vector<KernelModule> modules;  // in loading order
};

// An uncompressed archive: the kernel unpacks it faster than any compressed one, and its bytes are
// the same for the same inputs.
[[nodiscard]] Bytes make_initramfs(const InitramfsInputs& inputs);

// The modules for the kernel at hand: the sev-guest driver and what it asks the kernel for at run
// time; also those of `devices`.
// Failure: as KernelModules; unsupported if the kernel has no sev-guest driver at all.
[[nodiscard]] Result<std::vector<KernelModule>> select_modules(const KernelModules& modules,
                                                               const GuestDevices& devices);

}  // namespace extreq::machine
