// A guest's shell on our terminal.
#pragma once

#include "machine/machine.hpp"

namespace extreq::cli {

// Effect: starts a shell on the guest's console and connects it with standard input and output,
// the terminal in raw mode, until the shell ends. The terminal is restored.
// Value: the shell's exit status. Failure: as GuestControl and Console.
[[nodiscard]] Result<int> run_terminal(machine::Machine& machine);

}  // namespace extreq::cli
