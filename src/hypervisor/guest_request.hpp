// Guest requests (GHCB "SNP Guest Request"): a sealed message goes to the firmware, a sealed answer
// comes back.
//
// The request page is copied into a bounce buffer, the firmware works on the bounce buffers, the
// response buffer is copied back, all under a mutex of the VM. The firmware's status goes to the
// guest in SW_EXITINFO2 31:0; the response page is written even if it is not success (it holds
// zeros then). A failure of the host (memory that is not there, a firmware that does not answer)
// ends run() with -EIO. A page that is private is the guest's mistake: malformed input, "invalid
// input".
#pragma once

#include <cstdint>

#include "hypervisor/outcome.hpp"

namespace extreq::hypervisor {

struct VcpuState;

// For abi::ghcb::event::guest_request, whose addresses are known to be aligned and different.
[[nodiscard]] Outcome handle_guest_request(VcpuState& vcpu);

// Answers with a VMM error instead of asking the firmware.
[[nodiscard]] Outcome answer_vmm_error(VcpuState& vcpu, std::uint32_t vmm_error);

// After a failed access to guest memory: a private page is answered to the guest, anything else
// ends run().
[[nodiscard]] Outcome answer_memory_failure(VcpuState& vcpu, Error error);

}  // namespace extreq::hypervisor
