// ExitFields: a certificate exit in either form, read once from the run area and answered there.
//
// The run area is shared with the kernel and with other threads of the VMM: each field is loaded
// and stored once.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/kvm.hpp"

namespace extreq::vmm {

enum class ExitAnswer : std::uint8_t { ok, too_small, busy };

struct ExitFields {
  bool review = false;  // the form of abi/vmgexit.hpp
  std::uint64_t gpa = 0;
  std::uint64_t npages = 0;
};

// nullopt if the run area holds another exit. `reviewed`: the form of abi/vmgexit.hpp counts too.
[[nodiscard]] std::optional<ExitFields> read_certificate_exit(abi::kvm::Run& run,
                                                              bool reviewed) noexcept;

// Writes the answer in the form's own numbers; `pages_needed` goes with too_small alone.
void answer_certificate_exit(abi::kvm::Run& run, const ExitFields& exit, ExitAnswer answer,
                             std::uint64_t pages_needed = 0) noexcept;

// After a run with `exit` pending, which may have come back without completing it: turns its answer
// into BUSY. Does nothing if the run area holds something else by now: the union is then the VMM's
// to read. Harmless where the exit was completed: nobody reads `ret` any more.
void withdraw_answer(abi::kvm::Run& run, const ExitFields& exit) noexcept;

// immediate_exit is any value but 0 to KVM, and VMMs set it to 1. Ours is another one, so that it
// is known whose it is. True: it was 0 and is ours now. False: somebody has set it already, which
// will do as well, and stays.
[[nodiscard]] bool arm_immediate_exit(abi::kvm::Run& run) noexcept;
// Back to 0, unless somebody has set it meanwhile.
void disarm_immediate_exit(abi::kvm::Run& run) noexcept;

}  // namespace extreq::vmm
