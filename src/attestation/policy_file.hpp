// Policy files: a Policy as JSON (doc/policy.md; doc/policy.schema.json says the same to editors).
//
// Read strictly: an unknown or repeated key, a value of another kind, and a set without members are
// errors, because a rule that is misspelled would be a rule that is not checked.
// Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "attestation/policy.hpp"

namespace extreq::attestation {

inline constexpr std::size_t policy_file_max = 1U << 20U;

// Failure: invalid_input: what is wrong, at which place ("/minimum_tcb/Milan/current/snp"), what
// was found and what is wanted.
[[nodiscard]] Result<Policy> parse_policy(ByteView json);

// A sentence for each rule: what a report must be, for people.
[[nodiscard]] std::vector<std::string> explain(const Policy& policy);

}  // namespace extreq::attestation
