#include "guest/ghcb_return.hpp"

#include <fmt/core.h>

#include "abi/ghcb.hpp"
#include "abi/snp_firmware.hpp"

namespace extreq::guest {
namespace {

namespace ghcb = abi::ghcb;
namespace request = abi::ghcb::guest_request;
using Kind = GhcbReturn::Kind;

std::string_view malformed_reason(std::uint64_t reason) {
  switch (reason) {
    case ghcb::malformed::ghcb_not_registered:
      return "the GHCB is not registered";
    case ghcb::malformed::invalid_usage:
      return "the GHCB's usage field is invalid";
    case ghcb::malformed::invalid_scratch_area:
      return "the scratch area is invalid";
    case ghcb::malformed::missing_input:
      return "an input is missing, or the request and response pages are not two aligned pages";
    case ghcb::malformed::invalid_input:
      return "an input is invalid, or a page is not shared";
    case ghcb::malformed::invalid_event:
      return "the event is unknown to the host";
    default:
      return "for a reason that the GHCB specification does not list";
  }
}

GhcbReturn malformed(ExitKind exit, std::uint64_t reason) {
  if (exit == ExitKind::extended && reason == ghcb::malformed::invalid_event) {
    return {.kind = Kind::unknown_event, .why = {}};
  }
  return {.kind = Kind::not_taken,
          .why = fmt::format("the host refused the exit as malformed input, reason {}: {}", reason,
                             malformed_reason(reason))};
}

GhcbReturn exception(std::uint64_t eventinj) {
  for (const std::uint8_t vector : {ghcb::vector_ud, ghcb::vector_gp}) {
    if (eventinj == ghcb::encode_exception(vector)) {
      return {.kind = Kind::not_taken,
              .why = fmt::format("the host answered the exit with {}",
                                 vector == ghcb::vector_ud ? "#UD" : "#GP")};
    }
  }
  return {.kind = Kind::failed,
          .why = fmt::format("the host injects {:#x}, which is neither #UD nor #GP", eventinj)};
}

GhcbReturn no_action(ExitKind exit, std::uint64_t sw_exitinfo2, std::uint64_t rbx) {
  GhcbReturn answer{.vmm_error = request::decode_vmm_error(sw_exitinfo2),
                    .firmware_status = request::decode_firmware_status(sw_exitinfo2),
                    .why = {}};
  const auto status = static_cast<abi::snp::CommandStatus>(answer.firmware_status);
  if (status != abi::snp::CommandStatus::success) {
    // No firmware gives this status to a guest request: it is how hosts of the first generation say
    // that they hold no table.
    if (exit == ExitKind::extended && answer.vmm_error == request::vmm_error_none &&
        status == abi::snp::CommandStatus::invalid_certificate) {
      answer.kind = Kind::no_certificates;
    }
    return answer;  // else failed
  }
  switch (answer.vmm_error) {
    case request::vmm_error_none:
      answer.kind = Kind::answered;
      break;
    case request::vmm_error_busy:
      answer.kind = Kind::busy;
      break;
    case request::vmm_error_invalid_len:
      if (exit == ExitKind::extended) {
        answer.kind = Kind::too_few_pages;
        answer.pages_wanted = rbx;
      }
      break;
    default:
      break;
  }
  return answer;
}

}  // namespace

GhcbReturn read_answer(ExitKind exit, std::uint64_t sw_exitinfo1, std::uint64_t sw_exitinfo2,
                       std::uint64_t rbx) {
  switch (static_cast<std::uint32_t>(sw_exitinfo1)) {  // the upper half has no meaning
    case ghcb::answer::no_action:
      return no_action(exit, sw_exitinfo2, rbx);
    case ghcb::answer::issue_exception:
      return exception(sw_exitinfo2);
    case ghcb::answer::malformed_input:
      return malformed(exit, sw_exitinfo2);
    default:
      return {.kind = Kind::failed,
              .why = fmt::format("the host left {:#x} in SW_EXITINFO1, 0 to 2 are its answers",
                                 sw_exitinfo1)};
  }
}

}  // namespace extreq::guest
