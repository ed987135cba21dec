// GhcbPort: what a guest needs of its machine to talk to the host: shared memory and VMGEXIT.
//
// Who implements it: the simulation's guests, and whatever runs on a real processor.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace extreq::guest {

class GhcbPort {
 public:
  virtual ~GhcbPort() = default;

  // Copies from and to guest memory that is shared with the host, each byte once. The host may
  // change that memory at any moment. Failure: io, or what the implementation knows.
  [[nodiscard]] virtual Status read(std::uint64_t gpa, MutableByteView to) = 0;
  [[nodiscard]] virtual Status write(std::uint64_t gpa, ByteView from) = 0;

  // Effect: puts the value into the GHCB MSR, executes VMGEXIT and returns when the host has
  // resumed the guest. Failure: closed when this processor will not run again.
  [[nodiscard]] virtual Status vmgexit(std::uint64_t ghcb_msr) = 0;
};

}  // namespace extreq::guest
