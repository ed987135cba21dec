// look_at_blob: what a guest would get now, and whether it fits what the firmware signs with.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "host/signing_state.hpp"

namespace extreq::host {

enum class BlobFinding : std::uint8_t {
  fits,          // the table for this state; for masked keys: none
  no_table,      // the empty table, and there is a signing key
  other_key,     // a table, but not for what the firmware signs with
  damaged,       // no table: torn, cut off, too large, or something else
  missing,       // no such file
  under_update,  // somebody holds the exclusive lock
  unreadable,    // the operating system says why
};

[[nodiscard]] const char* to_text(BlobFinding finding) noexcept;

struct BlobLook {
  BlobFinding finding = BlobFinding::unreadable;
  std::string why;  // what does not fit; empty if it fits
  SigningState state;
  Bytes table;  // as the file has it, if it has one
};

// What `table` is in `state`; `why` is filled where it does not fit.
[[nodiscard]] BlobFinding judge_table(ByteView table, const SigningState& state, std::string& why);

// Effect: takes a lease as a VMM does, waiting at most `max_wait`, and reads the platform's state
// while it holds it: nobody who keeps the rules changes one of the two in between.
// Failure: the platform does not answer. Whatever is wrong with the blob is a finding.
// Threading: any thread, any process.
[[nodiscard]] Result<BlobLook> look_at_blob(const std::string& path, firmware::Platform& platform,
                                            Clock::Duration max_wait);

}  // namespace extreq::host
