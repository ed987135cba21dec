#include "vmm/c_memory.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace extreq::vmm {

const extreq_vmm_region* CMemoryWriter::find(std::uint64_t gpa) const noexcept {
  const std::span regions(memory_.regions, memory_.regions == nullptr ? 0 : memory_.region_count);
  const auto found = std::ranges::find_if(regions, [gpa](const extreq_vmm_region& region) {
    return gpa >= region.gpa && gpa - region.gpa < region.size;
  });
  return found == regions.end() ? nullptr : &*found;
}

Status CMemoryWriter::write(std::uint64_t gpa, ByteView bytes) {
  if (memory_.write != nullptr) {
    const int result = memory_.write(memory_.opaque, gpa, bytes.data(), bytes.size());
    if (result == 0) return {};
    return fail(Code::io, "guest memory: {} bytes at {:#x} cannot be written: {}", bytes.size(),
                gpa, result);
  }
  for (const bool copy : {false, true}) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const extreq_vmm_region* const region = find(gpa + done);
      if (region == nullptr) {
        return fail(Code::not_found, "guest memory: nothing at {:#x}", gpa + done);
      }
      const std::uint64_t offset = gpa + done - region->gpa;
      const auto count = static_cast<std::size_t>(
          std::min<std::uint64_t>(region->size - offset, bytes.size() - done));
      if (copy) {
        std::memcpy(static_cast<std::uint8_t*>(region->bytes) + offset, bytes.data() + done, count);
      }
      done += count;
    }
  }
  return {};
}

}  // namespace extreq::vmm
