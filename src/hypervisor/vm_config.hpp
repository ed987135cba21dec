// What is chosen for a VM when it is made.
#pragma once

#include <cstdint>

#include "abi/ghcb.hpp"

namespace extreq::hypervisor {

// How a certificate request looks to user space: doc/user-exit.md.
enum class ExitAbi : std::uint8_t {
  merged,  // KVM_EXIT_SNP_REQ_CERTS of the kernel: abi/kvm.hpp
  review,  // the raw GHCB event that the review of May 2024 asked for: abi/vmgexit.hpp
};

struct VmConfig {
  ExitAbi exit_abi = ExitAbi::merged;
  // Whether page state changes go to user space (KVM_CAP_EXIT_HYPERCALL with MAP_GPA_RANGE). If
  // not, the guest gets an error for each.
  bool map_gpa_range_exits = true;
  // What the guest is told of. AP creation is not among the defaults because it is refused.
  std::uint64_t hypervisor_features = abi::ghcb::hypervisor_features::snp;
  std::uint8_t c_bit = 51;  // for the guest's SEV information request
};

}  // namespace extreq::hypervisor
