// The words for the firmware's status codes: data beside the numbers of abi/snp_firmware.hpp.
#pragma once

#include <string_view>

#include "abi/snp_firmware.hpp"

namespace extreq::abi::snp {

// "invalid parameter"; "unknown status" for a value that the specification does not list.
[[nodiscard]] constexpr std::string_view name(CommandStatus status) noexcept {
  switch (status) {
    case CommandStatus::success:
      return "success";
    case CommandStatus::invalid_platform_state:
      return "invalid platform state";
    case CommandStatus::invalid_guest_state:
      return "invalid guest state";
    case CommandStatus::invalid_config:
      return "invalid configuration";
    case CommandStatus::invalid_length:
      return "invalid length";
    case CommandStatus::already_owned:
      return "already owned";
    case CommandStatus::invalid_certificate:
      return "invalid certificate";
    case CommandStatus::policy_failure:
      return "policy failure";
    case CommandStatus::inactive:
      return "inactive";
    case CommandStatus::invalid_address:
      return "invalid address";
    case CommandStatus::bad_signature:
      return "bad signature";
    case CommandStatus::bad_measurement:
      return "bad measurement";
    case CommandStatus::asid_owned:
      return "ASID owned";
    case CommandStatus::invalid_asid:
      return "invalid ASID";
    case CommandStatus::wbinvd_required:
      return "WBINVD required";
    case CommandStatus::df_flush_required:
      return "DF_FLUSH required";
    case CommandStatus::invalid_guest:
      return "invalid guest";
    case CommandStatus::invalid_command:
      return "invalid command";
    case CommandStatus::active:
      return "active";
    case CommandStatus::hardware_error_platform:
      return "hardware error, platform";
    case CommandStatus::hardware_error_unsafe:
      return "hardware error, unsafe";
    case CommandStatus::unsupported:
      return "unsupported";
    case CommandStatus::invalid_param:
      return "invalid parameter";
    case CommandStatus::resource_limit:
      return "resource limit";
    case CommandStatus::secure_data_invalid:
      return "secure data invalid";
    case CommandStatus::invalid_page_size:
      return "invalid page size";
    case CommandStatus::invalid_page_state:
      return "invalid page state";
    case CommandStatus::invalid_mdata_entry:
      return "invalid metadata entry";
    case CommandStatus::invalid_page_owner:
      return "invalid page owner";
    case CommandStatus::aead_overflow:
      return "AEAD overflow (sequence number)";
    case CommandStatus::rb_mode_exited:
      return "ring buffer mode exited";
    case CommandStatus::rmp_init_required:
      return "RMP initialisation required";
    case CommandStatus::bad_svn:
      return "bad SVN";
    case CommandStatus::bad_version:
      return "bad version";
    case CommandStatus::shutdown_required:
      return "shutdown required";
    case CommandStatus::update_failed:
      return "update failed";
    case CommandStatus::restore_required:
      return "restore required";
    case CommandStatus::rmp_init_failed:
      return "RMP initialisation failed";
    case CommandStatus::invalid_key:
      return "invalid key";
    case CommandStatus::shutdown_incomplete:
      return "shutdown incomplete";
    case CommandStatus::incorrect_buffer_length:
      return "incorrect buffer length";
    case CommandStatus::expand_buffer_length_request:
      return "buffer is to be expanded";
    case CommandStatus::spdm_request:
      return "SPDM request";
    case CommandStatus::spdm_error:
      return "SPDM error";
    case CommandStatus::err_in_dev_conn:
      return "error in the device connection";
    case CommandStatus::invalid_dev_ctx:
      return "invalid device context";
    case CommandStatus::invalid_tdi_ctx:
      return "invalid TDI context";
    case CommandStatus::invalid_tdi:
      return "invalid TDI";
    case CommandStatus::reclaim_required:
      return "reclaim required";
    case CommandStatus::in_use:
      return "in use";
    case CommandStatus::invalid_dev_state:
      return "invalid device state";
    case CommandStatus::invalid_tdi_state:
      return "invalid TDI state";
    case CommandStatus::dev_cert_changed:
      return "device certificate changed";
    case CommandStatus::resync_req:
      return "resynchronisation required";
    case CommandStatus::response_too_large:
      return "response too large";
  }
  return "unknown status";
}

}  // namespace extreq::abi::snp
