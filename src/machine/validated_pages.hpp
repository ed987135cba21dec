// ValidatedPages: the bit that PVALIDATE sets, for each page of 4 KiB: the processor's own record,
// which on hardware is part of the RMP.
//
// A page counts as validated from the launch on: what the launch did not place there stands for
// what a virtual machine's firmware would have validated before it started the kernel.
// Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"

namespace extreq::machine {

class ValidatedPages {
 public:
  explicit ValidatedPages(std::uint64_t memory_size);

  struct PvalidateResult {
    std::uint32_t result = 0;  // EAX: abi::x86::result_*
    bool unchanged = false;    // CF
  };
  // PVALIDATE of the page at `gpa`, of `page_size` (the instruction's ECX).
  // Failure: invalid_input if it lies outside memory: on hardware the guest would not go on.
  [[nodiscard]] Result<PvalidateResult> pvalidate(std::uint64_t gpa, std::uint32_t page_size,
                                                  bool validate);

  // The hypervisor changed the page's state: it is not validated any more.
  void clear(std::uint64_t gpa, std::uint64_t pages);

 private:
  std::vector<bool> validated_;
};

}  // namespace extreq::machine
