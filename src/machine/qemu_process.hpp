// QemuProcess: the emulated computer: QEMU's TCG with split memory, stopped at its reset vector.
//
// The guest's memory is two files. QEMU shows the shared one at physical address 0 and the private
// one at the address that has only the C-bit set, so a page-table entry with the C-bit reaches
// private memory and one without reaches shared memory.
// Failure: not_found (QEMU is not installed), closed (it ended at once: the message has its words).
// Lifetime: as ChildProcess. The sockets are ours; QEMU has the other ends.
// Threading: one thread at a time; the sockets may be handed to others.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"
#include "machine/child_process.hpp"
#include "machine/guest_devices.hpp"

namespace extreq::machine {

struct QemuOptions {
  std::string program = "qemu-system-x86_64";
  std::uint64_t memory = 0;
  Bytes rom;
  GuestDevices devices;
};

class QemuProcess {
 public:
  // `shared` and `private_memory` are memory files of options.memory bytes; the caller keeps them.
  [[nodiscard]] static Result<QemuProcess> start(const QemuOptions& options, int shared,
                                                 int private_memory);

  // Each may be taken once: the gdb stub, the first serial port (console), the second (control).
  [[nodiscard]] UniqueFd take_gdb() noexcept { return std::move(gdb_); }
  [[nodiscard]] UniqueFd take_console() noexcept { return std::move(console_); }
  [[nodiscard]] UniqueFd take_control() noexcept { return std::move(control_); }

  [[nodiscard]] ChildProcess& process() noexcept { return process_; }
  [[nodiscard]] const ChildProcess& process() const noexcept { return process_; }

 private:
  QemuProcess(ChildProcess process, UniqueFd gdb, UniqueFd console, UniqueFd control) noexcept
      : process_(std::move(process)),
        gdb_(std::move(gdb)),
        console_(std::move(console)),
        control_(std::move(control)) {}

  ChildProcess process_;
  UniqueFd gdb_;
  UniqueFd console_;
  UniqueFd control_;
};

}  // namespace extreq::machine
