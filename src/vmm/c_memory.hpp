// CMemoryWriter: guest memory as a caller of extreq/vmm.h describes it.
#pragma once

#include "extreq/vmm.h"
#include "vmm/guest_memory_writer.hpp"

namespace extreq::vmm {

class CMemoryWriter final : public GuestMemoryWriter {
 public:
  // `memory` must outlive it.
  explicit CMemoryWriter(const extreq_vmm_memory& memory) noexcept : memory_(memory) {}

  // Failure: io with the callback's errno value; not_found if a byte lies in no region (nothing is
  // written then); invalid_input if there is neither callback nor region.
  [[nodiscard]] Status write(std::uint64_t gpa, ByteView bytes) override;

 private:
  [[nodiscard]] const extreq_vmm_region* find(std::uint64_t gpa) const noexcept;

  const extreq_vmm_memory& memory_;
};

}  // namespace extreq::vmm
