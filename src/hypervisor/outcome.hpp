// Outcome: what the handling of an exit, or the completion of one, asks of the vCPU's run().
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace extreq::hypervisor {

enum class Next : std::uint8_t {
  guest,       // enter the guest again
  user_space,  // run() returns 0, the run area says why
};

// An Error ends run(): Code::invalid_input as -EINVAL, any other code as -EIO.
using Outcome = Result<Next>;

}  // namespace extreq::hypervisor
