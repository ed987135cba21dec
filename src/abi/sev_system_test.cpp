// What the system's own headers define must be what abi/sev.hpp and abi/snp_firmware.hpp say. The
// SNP commands, structures and status codes are enumerators and types, which the preprocessor
// cannot see: the build looks whether the header has the last of each and defines
// EXTREQ_SYSTEM_HAS_*.
#include <linux/psp-sev.h>
#include <sys/ioctl.h>

#include "abi/layout_test.hpp"
#include "abi/sev.hpp"

namespace extreq::abi {
namespace {

TEST(SevSystemHeader, AgreesOnStructuresAndCommands) {
  expect_numbers({
      {"sizeof issue_cmd", sizeof(sev::IssueCmd), sizeof(sev_issue_cmd)},
      {"issue_cmd.cmd", offsetof(sev::IssueCmd, cmd), offsetof(sev_issue_cmd, cmd)},
      {"issue_cmd.data", offsetof(sev::IssueCmd, data), offsetof(sev_issue_cmd, data)},
      {"issue_cmd.error", offsetof(sev::IssueCmd, error), offsetof(sev_issue_cmd, error)},
      {"sizeof get_id2", sizeof(sev::GetId2), sizeof(sev_user_data_get_id2)},
      {"get_id2.address", offsetof(sev::GetId2, address), offsetof(sev_user_data_get_id2, address)},
      {"get_id2.length", offsetof(sev::GetId2, length), offsetof(sev_user_data_get_id2, length)},
      {"ioctl_issue_cmd", sev::ioctl_issue_cmd, SEV_ISSUE_CMD},
      {"cmd_factory_reset", sev::cmd_factory_reset, SEV_FACTORY_RESET},
      {"cmd_platform_status", sev::cmd_platform_status, SEV_PLATFORM_STATUS},
      {"cmd_pek_gen", sev::cmd_pek_gen, SEV_PEK_GEN},
      {"cmd_pek_csr", sev::cmd_pek_csr, SEV_PEK_CSR},
      {"cmd_pdh_gen", sev::cmd_pdh_gen, SEV_PDH_GEN},
      {"cmd_pdh_cert_export", sev::cmd_pdh_cert_export, SEV_PDH_CERT_EXPORT},
      {"cmd_pek_cert_import", sev::cmd_pek_cert_import, SEV_PEK_CERT_IMPORT},
      {"cmd_get_id", sev::cmd_get_id, SEV_GET_ID},
      {"cmd_get_id2", sev::cmd_get_id2, SEV_GET_ID2},
      {"no_fw_call", sev::no_fw_call, static_cast<std::uint32_t>(SEV_RET_NO_FW_CALL)},
  });
}

#ifdef EXTREQ_SYSTEM_HAS_SNP_VLEK_LOAD
TEST(SevSystemHeader, AgreesOnSnp) {
  expect_numbers({
      {"cmd_snp_platform_status", sev::cmd_snp_platform_status, SNP_PLATFORM_STATUS},
      {"cmd_snp_commit", sev::cmd_snp_commit, SNP_COMMIT},
      {"cmd_snp_set_config", sev::cmd_snp_set_config, SNP_SET_CONFIG},
      {"cmd_snp_vlek_load", sev::cmd_snp_vlek_load, SNP_VLEK_LOAD},
      {"sizeof snp_status", sizeof(sev::SnpStatus), sizeof(sev_user_data_snp_status)},
      {"snp_status.build_id", offsetof(sev::SnpStatus, build_id),
       offsetof(sev_user_data_snp_status, build_id)},
      {"snp_status.guest_count", offsetof(sev::SnpStatus, guest_count),
       offsetof(sev_user_data_snp_status, guest_count)},
      {"snp_status.current_tcb", offsetof(sev::SnpStatus, current_tcb),
       offsetof(sev_user_data_snp_status, current_tcb_version)},
      {"snp_status.reported_tcb", offsetof(sev::SnpStatus, reported_tcb),
       offsetof(sev_user_data_snp_status, reported_tcb_version)},
      {"sizeof snp_config", sizeof(sev::SnpConfig), sizeof(sev_user_data_snp_config)},
      {"snp_config.reserved", offsetof(sev::SnpConfig, reserved),
       offsetof(sev_user_data_snp_config, rsvd1)},
      {"sizeof snp_vlek_load", sizeof(sev::SnpVlekLoad), sizeof(sev_user_data_snp_vlek_load)},
      {"snp_vlek_load.version", offsetof(sev::SnpVlekLoad, vlek_wrapped_version),
       offsetof(sev_user_data_snp_vlek_load, vlek_wrapped_version)},
      {"snp_vlek_load.address", offsetof(sev::SnpVlekLoad, vlek_wrapped_address),
       offsetof(sev_user_data_snp_vlek_load, vlek_wrapped_address)},
      {"sizeof hashstick", sizeof(sev::WrappedVlekHashstick),
       sizeof(sev_user_data_snp_wrapped_vlek_hashstick)},
  });
}
#endif

TEST(SevSystemHeader, AgreesOnTheStatusCodesThatAllHeadersHave) {
  const auto number = [](snp::CommandStatus status) { return static_cast<std::uint64_t>(status); };
  expect_numbers({
      {"success", number(snp::CommandStatus::success), SEV_RET_SUCCESS},
      {"invalid_platform_state", number(snp::CommandStatus::invalid_platform_state),
       SEV_RET_INVALID_PLATFORM_STATE},
      {"invalid_guest_state", number(snp::CommandStatus::invalid_guest_state),
       SEV_RET_INVALID_GUEST_STATE},
      {"invalid_config", number(snp::CommandStatus::invalid_config), SEV_RET_INAVLID_CONFIG},
      {"invalid_length", number(snp::CommandStatus::invalid_length), SEV_RET_INVALID_LEN},
      {"already_owned", number(snp::CommandStatus::already_owned), SEV_RET_ALREADY_OWNED},
      {"invalid_certificate", number(snp::CommandStatus::invalid_certificate),
       SEV_RET_INVALID_CERTIFICATE},
      {"policy_failure", number(snp::CommandStatus::policy_failure), SEV_RET_POLICY_FAILURE},
      {"inactive", number(snp::CommandStatus::inactive), SEV_RET_INACTIVE},
      {"invalid_address", number(snp::CommandStatus::invalid_address), SEV_RET_INVALID_ADDRESS},
      {"bad_signature", number(snp::CommandStatus::bad_signature), SEV_RET_BAD_SIGNATURE},
      {"bad_measurement", number(snp::CommandStatus::bad_measurement), SEV_RET_BAD_MEASUREMENT},
      {"asid_owned", number(snp::CommandStatus::asid_owned), SEV_RET_ASID_OWNED},
      {"invalid_asid", number(snp::CommandStatus::invalid_asid), SEV_RET_INVALID_ASID},
      {"wbinvd_required", number(snp::CommandStatus::wbinvd_required), SEV_RET_WBINVD_REQUIRED},
      {"df_flush_required", number(snp::CommandStatus::df_flush_required),
       SEV_RET_DFFLUSH_REQUIRED},
      {"invalid_guest", number(snp::CommandStatus::invalid_guest), SEV_RET_INVALID_GUEST},
      {"invalid_command", number(snp::CommandStatus::invalid_command), SEV_RET_INVALID_COMMAND},
      {"active", number(snp::CommandStatus::active), SEV_RET_ACTIVE},
      {"hardware_error_platform", number(snp::CommandStatus::hardware_error_platform),
       SEV_RET_HWSEV_RET_PLATFORM},
      {"hardware_error_unsafe", number(snp::CommandStatus::hardware_error_unsafe),
       SEV_RET_HWSEV_RET_UNSAFE},
      {"unsupported", number(snp::CommandStatus::unsupported), SEV_RET_UNSUPPORTED},
      {"invalid_param", number(snp::CommandStatus::invalid_param), SEV_RET_INVALID_PARAM},
      {"resource_limit", number(snp::CommandStatus::resource_limit), SEV_RET_RESOURCE_LIMIT},
      {"secure_data_invalid", number(snp::CommandStatus::secure_data_invalid),
       SEV_RET_SECURE_DATA_INVALID},
  });
}

#ifdef EXTREQ_SYSTEM_HAS_SEV_RET_INVALID_KEY
TEST(SevSystemHeader, AgreesOnTheStatusCodesOfSnp) {
  const auto number = [](snp::CommandStatus status) { return static_cast<std::uint64_t>(status); };
  expect_numbers({
      {"invalid_page_size", number(snp::CommandStatus::invalid_page_size),
       SEV_RET_INVALID_PAGE_SIZE},
      {"invalid_page_state", number(snp::CommandStatus::invalid_page_state),
       SEV_RET_INVALID_PAGE_STATE},
      {"invalid_mdata_entry", number(snp::CommandStatus::invalid_mdata_entry),
       SEV_RET_INVALID_MDATA_ENTRY},
      {"invalid_page_owner", number(snp::CommandStatus::invalid_page_owner),
       SEV_RET_INVALID_PAGE_OWNER},
      {"aead_overflow", number(snp::CommandStatus::aead_overflow), SEV_RET_AEAD_OFLOW},
      {"rb_mode_exited", number(snp::CommandStatus::rb_mode_exited), SEV_RET_EXIT_RING_BUFFER},
      {"rmp_init_required", number(snp::CommandStatus::rmp_init_required),
       SEV_RET_RMP_INIT_REQUIRED},
      {"bad_svn", number(snp::CommandStatus::bad_svn), SEV_RET_BAD_SVN},
      {"bad_version", number(snp::CommandStatus::bad_version), SEV_RET_BAD_VERSION},
      {"shutdown_required", number(snp::CommandStatus::shutdown_required),
       SEV_RET_SHUTDOWN_REQUIRED},
      {"update_failed", number(snp::CommandStatus::update_failed), SEV_RET_UPDATE_FAILED},
      {"restore_required", number(snp::CommandStatus::restore_required), SEV_RET_RESTORE_REQUIRED},
      {"rmp_init_failed", number(snp::CommandStatus::rmp_init_failed),
       SEV_RET_RMP_INITIALIZATION_FAILED},
      {"invalid_key", number(snp::CommandStatus::invalid_key), SEV_RET_INVALID_KEY},
  });
}
#endif

}  // namespace
}  // namespace extreq::abi
