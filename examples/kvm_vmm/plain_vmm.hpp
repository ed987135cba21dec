// A VMM on real KVM without SNP: real vCPUs ask the firmware model for reports, through the
// hypervisor half (doorbell_vcpu.hpp), and libextreq-vmm serves their certificates, while the
// host's signing key changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attestation/product.hpp"
#include "base/result.hpp"
#include "firmware/model/secure_processor.hpp"

namespace extreq::kvm_vmm {

struct PlainConfig {
  unsigned vcpus = 2;
  std::uint64_t requests = 20;  // of each vCPU
  bool rotate = true;           // change the reported TCB all the time
  bool kick = false;            // and hit the vCPU threads with signals
  attestation::Product product = attestation::Product::genoa;
  std::optional<firmware::model::AuthorityKeys> keys;
};

struct PlainResult {
  std::uint64_t requests = 0;
  std::uint64_t genuine = 0;      // report and certificates checked by the guest, and they match
  std::uint64_t served = 0;       // certificate exits answered with a table
  std::uint64_t interrupted = 0;  // KVM_RUN gave -EINTR
  std::uint64_t rotations = 0;
  std::string first_problem;
};

// Failure: not_found or io without /dev/kvm; unsupported if it cannot hand MSRs to user space; what
// the VMM's parts say.
[[nodiscard]] Result<PlainResult> run_plain(const PlainConfig& config);

}  // namespace extreq::kvm_vmm
