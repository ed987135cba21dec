// Policy: how long a VMM library waits, and which exits it answers.
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace extreq::vmm {

struct Policy {
  // The longest that one exit waits for a lease. The vCPU stands still with interrupts off.
  Clock::Duration max_wait = std::chrono::milliseconds(20);
  // How long a guest is answered BUSY in a row, at most; then the request counts as one without
  // certificates. Linux guests give up, and wipe their key, after 60 s.
  Clock::Duration busy_limit = std::chrono::seconds(30);
  // Whether the exit that the review of 2024 asked for (abi/vmgexit.hpp) is answered too. Its
  // number is KVM_EXIT_TDX on real KVM, so only for hypervisors that were asked for it.
  bool reviewed_exit = false;
};

}  // namespace extreq::vmm
