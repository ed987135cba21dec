#include "sim/guest_ram.hpp"

#include "base/try.hpp"
#include "hypervisor/shared_copy.hpp"

namespace extreq::sim {

GuestRam::GuestRam(std::uint64_t pages) : bytes_(pages * hypervisor::guest_page_size) {}

Status GuestRam::attach(hypervisor::GuestMemory& memory) {
  return memory.add_region(0, bytes_, hypervisor::PageState::private_page);
}

Status GuestRam::check(std::uint64_t gpa, std::size_t size) const {
  if (gpa <= bytes_.size() && size <= bytes_.size() - gpa) return {};
  return fail(Code::not_found, "guest: {} bytes at {:#x} are not all in its {} bytes of memory",
              size, gpa, bytes_.size());
}

Status GuestRam::read(std::uint64_t gpa, MutableByteView to) const {
  EXTREQ_TRY(check(gpa, to.size()));
  if (!to.empty()) hypervisor::copy_from_shared(to, bytes_.data() + gpa);
  return {};
}

Status GuestRam::write(std::uint64_t gpa, ByteView from) {
  EXTREQ_TRY(check(gpa, from.size()));
  if (!from.empty()) hypervisor::copy_to_shared(bytes_.data() + gpa, from);
  return {};
}

}  // namespace extreq::sim
