// GuestRam: the memory of a simulated guest, and how the guest itself reaches it.
//
// The host's view of the same bytes is hypervisor::GuestMemory, which refuses private pages; the
// guest's own accesses know no page states, as on a processor whose page tables choose the C-bit.
// Lifetime: must outlive the GuestMemory that it is attached to. Threading: accesses by any thread,
// each byte once (hypervisor/shared_copy.hpp).
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "hypervisor/guest_memory.hpp"

namespace extreq::sim {

class GuestRam {
 public:
  // `pages` pages of zeros from guest-physical address 0 on.
  explicit GuestRam(std::uint64_t pages);
  GuestRam(const GuestRam&) = delete;
  GuestRam& operator=(const GuestRam&) = delete;

  // Adds all of it to `memory`, private: what a launched guest starts with.
  [[nodiscard]] Status attach(hypervisor::GuestMemory& memory);

  // Failure: not_found for a range that is not all RAM.
  [[nodiscard]] Status read(std::uint64_t gpa, MutableByteView to) const;
  [[nodiscard]] Status write(std::uint64_t gpa, ByteView from);

 private:
  [[nodiscard]] Status check(std::uint64_t gpa, std::size_t size) const;

  Bytes bytes_;
};

}  // namespace extreq::sim
