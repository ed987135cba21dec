// GuestRequests: the firmware's port for what guests ask (SNP_GUEST_REQUEST).
//
// Who implements it: the software model, and whatever forwards to a real secure processor.
#pragma once

#include <cstdint>
#include <span>

#include "abi/snp_firmware.hpp"
#include "base/result.hpp"

namespace extreq::firmware {

// A guest context that the firmware holds, from SNP_GCTX_CREATE to SNP_DECOMMISSION.
enum class GuestHandle : std::uint64_t {};

class GuestRequests {
 public:
  virtual ~GuestRequests() = default;

  // Effect: opens the sealed request, acts on it and seals the response. Firmware runs one command
  // at a time: the call waits for its turn. The answer is the command's status: `success` means
  // that `response` holds a sealed message (which may itself say no); with any other status there
  // is no response message, `response` is as it was, and the guest's counter has not advanced.
  // Failure: an Error is the host's own (state not readable): the firmware has not answered.
  // Lifetime: the pages must be the caller's private copies, for the call only.
  // Threading: any thread.
  [[nodiscard]] virtual Result<abi::snp::CommandStatus> guest_request(
      GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) = 0;
};

}  // namespace extreq::firmware
