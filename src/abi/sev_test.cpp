#include "abi/sev.hpp"

#include "abi/layout_test.hpp"

namespace extreq::abi::sev {
namespace {

TEST(Sev, StructuresArePackedAsTheKernelPacksThem) {
  expect_places({
      {"issue_cmd.cmd", place(&IssueCmd::cmd), {0, 4}},
      {"issue_cmd.data", place(&IssueCmd::data), {4, 8}},
      {"issue_cmd.error", place(&IssueCmd::error), {12, 4}},
      {"get_id2.address", place(&GetId2::address), {0, 8}},
      {"get_id2.length", place(&GetId2::length), {8, 4}},
      {"snp_status.api_major", place(&SnpStatus::api_major), {0, 1}},
      {"snp_status.api_minor", place(&SnpStatus::api_minor), {1, 1}},
      {"snp_status.state", place(&SnpStatus::state), {2, 1}},
      {"snp_status.byte3", place(&SnpStatus::byte3), {3, 1}},
      {"snp_status.build_id", place(&SnpStatus::build_id), {4, 4}},
      {"snp_status.flags", place(&SnpStatus::flags), {8, 4}},
      {"snp_status.guest_count", place(&SnpStatus::guest_count), {12, 4}},
      {"snp_status.current_tcb", place(&SnpStatus::current_tcb), {16, 8}},
      {"snp_status.reported_tcb", place(&SnpStatus::reported_tcb), {24, 8}},
      {"snp_config.reported_tcb", place(&SnpConfig::reported_tcb), {0, 8}},
      {"snp_config.flags", place(&SnpConfig::flags), {8, 4}},
      {"snp_config.reserved", place(&SnpConfig::reserved), {12, 52}},
      {"snp_vlek_load.len", place(&SnpVlekLoad::len), {0, 4}},
      {"snp_vlek_load.version", place(&SnpVlekLoad::vlek_wrapped_version), {4, 1}},
      {"snp_vlek_load.rsvd", place(&SnpVlekLoad::rsvd), {5, 3}},
      {"snp_vlek_load.address", place(&SnpVlekLoad::vlek_wrapped_address), {8, 8}},
  });
  expect_numbers({
      {"sizeof IssueCmd", sizeof(IssueCmd), 16},
      {"sizeof GetId2", sizeof(GetId2), 12},
      {"sizeof SnpStatus", sizeof(SnpStatus), 32},
      {"sizeof SnpConfig", sizeof(SnpConfig), 64},
      {"sizeof SnpVlekLoad", sizeof(SnpVlekLoad), 16},
      {"sizeof WrappedVlekHashstick", sizeof(WrappedVlekHashstick), 432},
  });
}

TEST(Sev, ConstantsAreThoseOfTheKernel) {
  EXPECT_EQ(device_path, "/dev/sev");
  expect_numbers({
      {"ioctl_issue_cmd", ioctl_issue_cmd, 0xC0105300},
      {"cmd_factory_reset", cmd_factory_reset, 0},
      {"cmd_platform_status", cmd_platform_status, 1},
      {"cmd_pek_gen", cmd_pek_gen, 2},
      {"cmd_pek_csr", cmd_pek_csr, 3},
      {"cmd_pdh_gen", cmd_pdh_gen, 4},
      {"cmd_pdh_cert_export", cmd_pdh_cert_export, 5},
      {"cmd_pek_cert_import", cmd_pek_cert_import, 6},
      {"cmd_get_id", cmd_get_id, 7},
      {"cmd_get_id2", cmd_get_id2, 8},
      {"cmd_snp_platform_status", cmd_snp_platform_status, 9},
      {"cmd_snp_commit", cmd_snp_commit, 10},
      {"cmd_snp_set_config", cmd_snp_set_config, 11},
      {"cmd_snp_vlek_load", cmd_snp_vlek_load, 12},
      {"no_fw_call", no_fw_call, 0xFFFFFFFF},
  });
}

}  // namespace
}  // namespace extreq::abi::sev
