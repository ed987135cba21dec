// GuestMemoryWriter: how the VMM library puts bytes into guest memory, whatever the VMM's own way.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace extreq::vmm {

class GuestMemoryWriter {
 public:
  virtual ~GuestMemoryWriter() = default;

  // Effect: writes to shared guest memory. `gpa` is the guest's and may be anything: unmapped
  // or private; gpa + bytes.size() does not wrap around. Failure: any Error; the bytes may then
  // have been written in part. Threading: called on the vCPU's thread.
  [[nodiscard]] virtual Status write(std::uint64_t gpa, ByteView bytes) = 0;
};

// Writes by any object with the same `Status write(gpa, bytes)`: the memory of a hypervisor that
// knows nothing of this library, and of which this library knows nothing.
// Lifetime: `memory` must outlive it.
template <class Memory>
class WriterTo final : public GuestMemoryWriter {
 public:
  explicit WriterTo(Memory& memory) noexcept : memory_(memory) {}
  [[nodiscard]] Status write(std::uint64_t gpa, ByteView bytes) override {
    return memory_.write(gpa, bytes);
  }

 private:
  Memory& memory_;
};

}  // namespace extreq::vmm
