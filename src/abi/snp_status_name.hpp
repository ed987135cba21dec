// The words for the firmware's status codes: data beside the numbers of abi/snp_firmware.hpp.
#pragma once

#include <string_view>

#include "abi/snp_firmware.hpp"

namespace extreq::abi::snp {

// "invalid parameter"; "unknown status" for a value that the specification does not list.
[[nodiscard]] constexpr std::string_view name(Status status) noexcept {
  switch (status) {
    case Status::success:
      return "success";
    case Status::invalid_platform_state:
      return "invalid platform state";
    case Status::invalid_guest_state:
      return "invalid guest state";
    case Status::invalid_config:
      return "invalid configuration";
    case Status::invalid_length:
      return "invalid length";
    case Status::already_owned:
      return "already owned";
    case Status::invalid_certificate:
      return "invalid certificate";
    case Status::policy_failure:
      return "policy failure";
    case Status::inactive:
      return "inactive";
    case Status::invalid_address:
      return "invalid address";
    case Status::bad_signature:
      return "bad signature";
    case Status::bad_measurement:
      return "bad measurement";
    case Status::asid_owned:
      return "ASID owned";
    case Status::invalid_asid:
      return "invalid ASID";
    case Status::wbinvd_required:
      return "WBINVD required";
    case Status::df_flush_required:
      return "DF_FLUSH required";
    case Status::invalid_guest:
      return "invalid guest";
    case Status::invalid_command:
      return "invalid command";
    case Status::active:
      return "active";
    case Status::hardware_error_platform:
      return "hardware error, platform";
    case Status::hardware_error_unsafe:
      return "hardware error, unsafe";
    case Status::unsupported:
      return "unsupported";
    case Status::invalid_param:
      return "invalid parameter";
    case Status::resource_limit:
      return "resource limit";
    case Status::secure_data_invalid:
      return "secure data invalid";
    case Status::invalid_page_size:
      return "invalid page size";
    case Status::invalid_page_state:
      return "invalid page state";
    case Status::invalid_mdata_entry:
      return "invalid metadata entry";
    case Status::invalid_page_owner:
      return "invalid page owner";
    case Status::aead_overflow:
      return "AEAD overflow (sequence number)";
    case Status::rb_mode_exited:
      return "ring buffer mode exited";
    case Status::rmp_init_required:
      return "RMP initialisation required";
    case Status::bad_svn:
      return "bad SVN";
    case Status::bad_version:
      return "bad version";
    case Status::shutdown_required:
      return "shutdown required";
    case Status::update_failed:
      return "update failed";
    case Status::restore_required:
      return "restore required";
    case Status::rmp_init_failed:
      return "RMP initialisation failed";
    case Status::invalid_key:
      return "invalid key";
    case Status::shutdown_incomplete:
      return "shutdown incomplete";
    case Status::incorrect_buffer_length:
      return "incorrect buffer length";
    case Status::expand_buffer_length_request:
      return "buffer is to be expanded";
    case Status::spdm_request:
      return "SPDM request";
    case Status::spdm_error:
      return "SPDM error";
    case Status::err_in_dev_conn:
      return "error in the device connection";
    case Status::invalid_dev_ctx:
      return "invalid device context";
    case Status::invalid_tdi_ctx:
      return "invalid TDI context";
    case Status::invalid_tdi:
      return "invalid TDI";
    case Status::reclaim_required:
      return "reclaim required";
    case Status::in_use:
      return "in use";
    case Status::invalid_dev_state:
      return "invalid device state";
    case Status::invalid_tdi_state:
      return "invalid TDI state";
    case Status::dev_cert_changed:
      return "device certificate changed";
    case Status::resync_req:
      return "resynchronisation required";
    case Status::response_too_large:
      return "response too large";
  }
  return "unknown status";
}

}  // namespace extreq::abi::snp
