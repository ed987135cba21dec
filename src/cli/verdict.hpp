// A verdict on the command line: its name in JSON and the exit code that tells it.
#pragma once

#include <string_view>

#include "attestation/verification.hpp"

namespace extreq::cli {

// "genuine", "not_acceptable", "not_genuine". Threading: a pure function.
[[nodiscard]] std::string_view verdict_name(attestation::Verdict verdict);

// Threading: a pure function.
[[nodiscard]] int exit_code_of(attestation::Verdict verdict);

}  // namespace extreq::cli
