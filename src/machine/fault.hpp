// A fault on demand: what a guest meets when host, VMM or firmware misbehave.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace extreq::machine {

enum class FaultKind : std::uint8_t {
  busy,             // the certificate source is busy: the guest is told to try again
  large_table,      // the certificates need `value` pages
  no_certificates,  // an empty table
  tcb_change,       // the reported TCB changes before the certificates are taken, and they with it
  status,           // the firmware answers `value` and does nothing
  flip_tag,         // one bit of the response's tag is flipped
  replay,           // the guest gets its last response again
  slow,             // the firmware takes `value` milliseconds longer
};

struct Fault {
  FaultKind kind{};
  std::uint64_t value = 0;
  unsigned count = 1;                    // so many requests meet it; or, if not zero,
  std::chrono::milliseconds lasting{0};  // all do from the first one on, for so long
};

// "busy*3", "status=0x16", "large-table=5", "slow=500*2", "no-certificates@40s", "busy@300ms":
// NAME[=VALUE][*COUNT | @DURATION].
// Failure: invalid_input names what is wrong, and lists the names.
[[nodiscard]] Result<Fault> parse_fault(std::string_view text);
[[nodiscard]] std::string to_text(const Fault& fault);

// A step is what one message of the guest to the firmware meets.
using FaultSteps = std::vector<std::vector<Fault>>;

// One line for each step: faults with spaces between, or "pass" for none. Empty lines and what
// follows '#' do not count. Failure: invalid_input with the line's number; too_small for more than
// a million lines.
[[nodiscard]] Result<FaultSteps> parse_fault_steps(std::string_view text);

}  // namespace extreq::machine
