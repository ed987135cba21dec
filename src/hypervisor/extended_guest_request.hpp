// Extended guest requests (GHCB "SNP Extended Guest Request"): a request for a report may bring the
// certificates of the signing key along.
//
// Only MSG_REPORT_REQ is extended; the type is peeked at in the request page's plain header. The
// guest may change it before the page is copied: whatever the firmware then gets is between the two
// of them, and nothing here depends on what was peeked any more. Any other type is a plain guest
// request.
// With certificate exits user space is asked first (certificate_exit.hpp), and its next run() goes
// on: with the firmware, or with a VMM error. Without, the guest gets an empty certificate table,
// if it offers a page at all.
#pragma once

#include "hypervisor/outcome.hpp"

namespace extreq::hypervisor {

struct VcpuState;

// For abi::ghcb::event::extended_guest_request, whose request and response addresses are known to
// be aligned and different.
[[nodiscard]] Outcome handle_extended_guest_request(VcpuState& vcpu);

}  // namespace extreq::hypervisor
