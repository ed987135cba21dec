// The name of a guest's exit and what came of it, for people.
#pragma once

#include <string>

#include "hypervisor/guest_memory.hpp"

namespace extreq::machine {

// `ghcb_msr` is the MSR's value at the exit: a request of the MSR protocol, or where the GHCB is.
// The exit code is read from there now: the guest may say another one the next moment.
[[nodiscard]] std::string exit_name(std::uint64_t ghcb_msr, const hypervisor::GuestMemory& memory);

// What the GHCB says when the guest goes on: SW_EXITINFO1 and 2. Empty for the MSR protocol.
[[nodiscard]] std::string exit_answer(std::uint64_t ghcb_msr,
                                      const hypervisor::GuestMemory& memory);

}  // namespace extreq::machine
