// ExitFields: a certificate exit in either form, read once from the run area and answered there.
//
// The run area is shared with the kernel and with other threads of the VMM: each field is loaded
// and stored once.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/kvm.hpp"

namespace extreq::vmm {

enum class ExitAnswer : std::uint8_t { ok, too_small, busy, failed };

struct ExitFields {
  bool review = false;  // the form of abi/vmgexit.hpp
  std::uint64_t gpa = 0;
  std::uint64_t npages = 0;
};

// nullopt if the run area holds another exit.
[[nodiscard]] std::optional<ExitFields> read_certificate_exit(abi::kvm::Run& run) noexcept;

// Writes the answer in the form's own numbers; `pages_needed` goes with too_small alone.
void answer_certificate_exit(abi::kvm::Run& run, const ExitFields& exit, ExitAnswer answer,
                             std::uint64_t pages_needed = 0) noexcept;

// Stores one byte of the run area.
void set_immediate_exit(abi::kvm::Run& run, bool value) noexcept;

}  // namespace extreq::vmm
