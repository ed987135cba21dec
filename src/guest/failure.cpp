#include "guest/failure.hpp"

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "abi/snp_status_name.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;
namespace request = abi::ghcb::guest_request;

// What a command's status means for whoever asked: the message was not answered.
std::string_view command_advice(std::uint32_t firmware_status) {
  switch (static_cast<snp::CommandStatus>(firmware_status)) {
    case snp::CommandStatus::invalid_param:
      return "the firmware refused the message itself: its sequence number is not the next one, it "
             "was damaged on the way, or this firmware lacks that message version";
    case snp::CommandStatus::aead_overflow:
      return "the sequence number is not the one that the firmware expects: somebody else used "
             "this VMPCK, or an earlier response was lost";
    case snp::CommandStatus::invalid_key:
      return "the firmware lacks the signing key that was asked for: ask with KEY_SEL 0";
    case snp::CommandStatus::invalid_certificate:
      return "the host has no certificates for an extended request: ask for a plain report";
    case snp::CommandStatus::invalid_address:
    case snp::CommandStatus::invalid_page_state:
    case snp::CommandStatus::invalid_page_owner:
      return "the host gave the firmware a page that it could not use: see the host's log";
    case snp::CommandStatus::resource_limit:
      return "the firmware has no room for another command: ask the host's operator";
    default:
      return "see this status in AMD document 56860 and the host's log";
  }
}

std::string_view vmm_advice(std::uint32_t vmm_error) {
  switch (vmm_error) {
    case request::vmm_error_invalid_len:
      return "the certificate buffer is too small: offer more pages, or ask for a plain report";
    case request::vmm_error_busy:
      return "the host limits requests: ask again later";
    case abi::kvm::snp_guest_vmm_err_generic:
      return "the host failed and does not say whether the firmware saw the message: see the "
             "host's "
             "log";
    default:
      return "no known host gives this number: see the host's log";
  }
}

std::string_view response_advice(snp::MessageType response, std::uint32_t status) {
  const bool key = response == snp::MessageType::key_rsp;
  switch (static_cast<snp::CommandStatus>(status)) {
    case snp::CommandStatus::invalid_param:
      return key ? "VMPL below your own, GUEST_SVN above the ID block's, TCB_VERSION above the "
                   "committed TCB, or an unknown bit in a selection"
                 : "VMPL below your own (more privileged than the requester), or a reserved bit "
                   "set";
    case snp::CommandStatus::invalid_key:
      return "the key selection names a key that the host's firmware has not loaded: ask with "
             "KEY_SEL 0";
    default:
      return "see this status in AMD document 56860";
  }
}

}  // namespace

std::string_view vmm_error_name(std::uint32_t vmm_error) noexcept {
  switch (vmm_error) {
    case request::vmm_error_none:
      return "none";
    case request::vmm_error_invalid_len:
      return "buffer too small";
    case request::vmm_error_busy:
      return "busy";
    case abi::kvm::snp_guest_vmm_err_generic:
      return "generic";
    default:
      return "unknown";
  }
}

std::string_view key_retired_advice() noexcept {
  return "; the VMPCK is retired, because no second message may be sealed under one sequence "
         "number: use another VMPCK, or restart the guest";
}

RequestFailure failure_of_command(std::uint32_t vmm_error, std::uint32_t firmware_status,
                                  KeyState key) {
  const bool host = vmm_error != request::vmm_error_none;
  const bool firmware = firmware_status != static_cast<std::uint32_t>(snp::CommandStatus::success);
  const std::string host_words = host
                                     ? fmt::format("VMM error {:#x} ({}): {}", vmm_error,
                                                   vmm_error_name(vmm_error), vmm_advice(vmm_error))
                                     : "the host reports no error of its own";
  const std::string firmware_words =
      firmware ? fmt::format("firmware status {:#x} ({}): {}", firmware_status,
                             snp::name(static_cast<snp::CommandStatus>(firmware_status)),
                             command_advice(firmware_status))
               : "the firmware gave no status";
  const bool retired = key == KeyState::retired;
  Code code = Code::unsupported;
  if (retired) {
    code = Code::closed;
  } else if (!firmware && vmm_error == request::vmm_error_busy) {
    code = Code::busy;
  }
  RequestFailure failure(
      Error{code, fmt::format("guest request: {}; {}{}", host_words, firmware_words,
                              retired ? key_retired_advice() : "")});
  if (host) failure.vmm_error = vmm_error;
  if (firmware) failure.firmware_status = firmware_status;
  failure.key_retired = retired;
  return failure;
}

RequestFailure failure_of_response(snp::MessageType response, std::uint32_t status) {
  RequestFailure failure(
      Error{Code::invalid_input,
            fmt::format("guest request: the firmware answered with STATUS {:#x} ({}): {}", status,
                        snp::name(static_cast<snp::CommandStatus>(status)),
                        response_advice(response, status))});
  failure.response_status = status;
  return failure;
}

}  // namespace extreq::guest
