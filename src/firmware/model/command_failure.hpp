// How the model's commands say no: the firmware's status, and the broken rule in words.
#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/result.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

// refuse(Status::invalid_param, "SNP_CONFIG: ...")
template <class... Args>
[[nodiscard]] tl::unexpected<CommandFailure> refuse(abi::snp::CommandStatus status,
                                                    fmt::format_string<Args...> format,
                                                    Args&&... args) {
  return tl::unexpected<CommandFailure>(
      CommandFailure{status, fmt::format(format, std::forward<Args>(args)...)});
}

// The command did not come to a decision: the host's own failure.
[[nodiscard]] inline tl::unexpected<CommandFailure> not_run(const char* command,
                                                            const Error& error) {
  return tl::unexpected<CommandFailure>(
      CommandFailure{std::nullopt, fmt::format("{}: {}", command, error.message)});
}

}  // namespace extreq::firmware::model
