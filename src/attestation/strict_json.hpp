// JSON that others wrote, read strictly: a repeated key is an error, for two readers would take
// different members, and so is what is nested deeper than anything here is.
//
// Threading: pure functions.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"

namespace extreq::attestation {

inline constexpr int json_depth_max = 8;

// Failure: invalid_input, with `what` ("the policy") before the message.
[[nodiscard]] Result<nlohmann::ordered_json> parse_strict_json(ByteView bytes,
                                                               std::string_view what);

}  // namespace extreq::attestation
