// Virtual processors as QEMU names them: what a measurement holds of them is CPUID's signature, in
// RDX at reset.
//
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace extreq::attestation {

// EAX of CPUID function 1 (AMD document 25481): family and model are those with their extended
// parts added, as people write them: 25 and 17 for Genoa.
[[nodiscard]] std::uint32_t cpuid_signature(unsigned family, unsigned model,
                                            unsigned stepping) noexcept;

// "EPYC", "EPYC-v4", "EPYC-Milan-v2", ...: QEMU's `-cpu`. Failure: not_found, naming those known.
[[nodiscard]] Result<std::uint32_t> cpuid_signature_of(std::string_view vcpu_type);

}  // namespace extreq::attestation
