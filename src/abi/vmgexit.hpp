// The user exit that the review of May 2024 asked for, in place of the one of its patch: the raw
// GHCB event, and no type of KVM's own over it.
//
// Owner: nobody outside this project. It is in no kernel: on real KVM 40 is KVM_EXIT_TDX (see
// abi/kvm.hpp), so this number must only be used with a hypervisor that was asked for it. The exit
// codes and VMM errors that travel in it are the GHCB's: abi/ghcb.hpp. doc/user-exit.md describes
// it. Native integers: both ends run on one machine. Definitions only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace extreq::abi::vmgexit {

inline constexpr std::uint32_t exit_vmgexit = 40;

// For exit_code ghcb::event::extended_guest_request.
struct ReqCerts {             // offset
  std::uint64_t data_gpa;     //      0   the guest's RAX
  std::uint64_t data_npages;  //      8   the guest's RBX; with INVALID_LEN: pages needed
  std::uint64_t ret;          //     16   from user space: the VMM error, zero for success
};
static_assert(sizeof(ReqCerts) == 24 && alignof(ReqCerts) == 8);
static_assert(offsetof(ReqCerts, data_gpa) == 0 && offsetof(ReqCerts, data_npages) == 8 &&
              offsetof(ReqCerts, ret) == 16);

struct Vmgexit {            // offset
  std::uint64_t exit_code;  //      0   the guest's SW_EXITCODE
  union {
    ReqCerts req_certs;  //         8
  };
};
static_assert(sizeof(Vmgexit) == 32 && alignof(Vmgexit) == 8);
static_assert(offsetof(Vmgexit, exit_code) == 0 && offsetof(Vmgexit, req_certs) == 8);

}  // namespace extreq::abi::vmgexit
