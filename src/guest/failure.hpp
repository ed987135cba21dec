// RequestFailure: why a request to the firmware gave nothing, in numbers and in words.
//
// The host's VMM error and the firmware's status are two fields, and the STATUS inside a sealed
// response is a third: they come from different parties and ask for different steps
// (GHCB specification, "SNP Guest Request"; document 56860, "Guest Messages").
// Threading: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "abi/snp_firmware.hpp"
#include "base/result.hpp"

namespace extreq::guest {

struct RequestFailure {
  // Implicit on purpose: an Error of another folder travels up as a failure without numbers.
  RequestFailure(Error why) : error(std::move(why)) {}  // NOLINT(google-explicit-constructor)

  // closed: the key is retired, nothing more can be asked under it. busy: ask again later.
  // invalid_input: mend the question. not_genuine: what came back was not the firmware's answer.
  Error error;
  // SW_EXITINFO2 63:32 and 31:0, when the host answered with one of them set.
  std::optional<std::uint32_t> vmm_error;
  std::optional<std::uint32_t> firmware_status;
  // STATUS inside a sealed response: the firmware took the message and said no. The channel lives.
  std::optional<std::uint32_t> response_status;
  // The VMPCK can seal no further message: take another one, or restart the guest.
  bool key_retired = false;
};

template <class T>
using RequestResult = tl::expected<T, RequestFailure>;

[[nodiscard]] inline tl::unexpected<RequestFailure> failed(RequestFailure failure) {
  return tl::unexpected<RequestFailure>(std::move(failure));
}

// "busy", "buffer too small", "generic", "none"; "unknown" for numbers that nobody defined.
[[nodiscard]] std::string_view vmm_error_name(std::uint32_t vmm_error) noexcept;

enum class KeyState : std::uint8_t { lives, retired };

// The host answered a request with these two numbers and there is no response message. The words
// name both and the next step. Code: busy for BUSY; closed if the key is retired; else unsupported.
[[nodiscard]] RequestFailure failure_of_command(std::uint32_t vmm_error,
                                                std::uint32_t firmware_status, KeyState key);

// The sealed response of this type carries this STATUS, which is not success.
[[nodiscard]] RequestFailure failure_of_response(abi::snp::MessageType response,
                                                 std::uint32_t status);

// "; VMPCK is retired: ...": how a failure's words end when the key is lost.
[[nodiscard]] std::string_view key_retired_advice() noexcept;

}  // namespace extreq::guest
