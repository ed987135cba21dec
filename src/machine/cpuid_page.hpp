// The CPUID page: what an SNP guest asks instead of the hypervisor.
#pragma once

#include "base/bytes.hpp"
#include "firmware/platform.hpp"

namespace extreq::machine {

// A page with the functions that Linux looks up before it has drivers, for a processor of this
// signature. The emulated processor answers CPUID itself, so these are read and checked, but no
// feature depends on them.
[[nodiscard]] Bytes make_cpuid_page(const firmware::CpuSignature& cpu);

// CPUID function 8000001F as the guest sees it.
struct EncryptionLeaf {
  std::uint32_t eax;
  std::uint32_t ebx;
  std::uint32_t ecx;
  std::uint32_t edx;
};
[[nodiscard]] EncryptionLeaf encryption_leaf() noexcept;

}  // namespace extreq::machine
