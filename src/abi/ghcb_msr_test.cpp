#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "abi/layout_test.hpp"

namespace extreq::abi::ghcb::msr {
namespace {

TEST(GhcbMsr, InfoCodesAreThoseOfTheDocument) {
  expect_numbers({
      {"number", number, 0xC0010130},
      {"info_ghcb_gpa", info_ghcb_gpa, 0x000},
      {"info_sev_info_response", info_sev_info_response, 0x001},
      {"info_sev_info_request", info_sev_info_request, 0x002},
      {"info_cpuid_request", info_cpuid_request, 0x004},
      {"info_cpuid_response", info_cpuid_response, 0x005},
      {"info_ap_reset_hold_request", info_ap_reset_hold_request, 0x006},
      {"info_ap_reset_hold_response", info_ap_reset_hold_response, 0x007},
      {"info_preferred_gpa_request", info_preferred_gpa_request, 0x010},
      {"info_preferred_gpa_response", info_preferred_gpa_response, 0x011},
      {"info_register_gpa_request", info_register_gpa_request, 0x012},
      {"info_register_gpa_response", info_register_gpa_response, 0x013},
      {"info_page_state_change_request", info_page_state_change_request, 0x014},
      {"info_page_state_change_response", info_page_state_change_response, 0x015},
      {"info_run_vmpl_request", info_run_vmpl_request, 0x016},
      {"info_run_vmpl_response", info_run_vmpl_response, 0x017},
      {"info_hypervisor_features_request", info_hypervisor_features_request, 0x080},
      {"info_hypervisor_features_response", info_hypervisor_features_response, 0x081},
      {"info_termination_request", info_termination_request, 0x100},
      {"info_mask", info_mask, 0xFFF},
      {"data_shift", data_shift, 12},
      {"data_max", data_max, 0x000FFFFFFFFFFFFF},
      {"cpuid_eax", cpuid_eax, 0},
      {"cpuid_ebx", cpuid_ebx, 1},
      {"cpuid_ecx", cpuid_ecx, 2},
      {"cpuid_edx", cpuid_edx, 3},
      {"preferred_gfn_none", preferred_gfn_none, 0x000FFFFFFFFFFFFF},
      {"register_gfn_refused", register_gfn_refused, 0x000FFFFFFFFFFFFF},
      {"page_state_change_gfn_max", page_state_change_gfn_max, 0xFFFFFFFFFF},
  });
}

TEST(GhcbMsr, AValueIsInfoAndData) {
  EXPECT_EQ(info(0x123456789ABCDEF0), 0xEF0U);
  EXPECT_EQ(data(0x123456789ABCDEF0), 0x123456789ABCDU);
  EXPECT_EQ(compose(0xEF0, 0x123456789ABCD), 0x123456789ABCDEF0U);
  EXPECT_EQ(compose(0xFFFFF, 0), 0xFFFU);
  EXPECT_EQ(decode_ghcb_gpa(0x12345000), 0x12345000U);
  EXPECT_EQ(decode_ghcb_gpa(0x12345FFF), 0x12345000U);
}

TEST(GhcbMsr, RequestsWithoutDataAreTheirInfoCode) {
  EXPECT_EQ(encode_sev_info_request(), 0x002U);
  EXPECT_EQ(encode_ap_reset_hold_request(), 0x006U);
  EXPECT_EQ(encode_preferred_gpa_request(), 0x010U);
  EXPECT_EQ(encode_hypervisor_features_request(), 0x080U);
}

TEST(GhcbMsr, SevInfoHoldsVersionsAndTheCBit) {
  EXPECT_EQ(encode_sev_info_response({.max_version = 2, .min_version = 1, .c_bit = 51}),
            0x0002000133000001U);
  EXPECT_EQ(decode_sev_info_response(0x0002000133000001),
            (SevInfo{.max_version = 2, .min_version = 1, .c_bit = 51}));
  EXPECT_EQ(decode_sev_info_response(0xFFFFFFFFFFFFFFFF),
            (SevInfo{.max_version = 0xFFFF, .min_version = 0xFFFF, .c_bit = 0xFF}));
}

TEST(GhcbMsr, CpuidHoldsFunctionOrValueAndTheRegister) {
  EXPECT_EQ(encode_cpuid_request({.function = 0x8000001F, .reg = 1}), 0x8000001F40000004U);
  EXPECT_EQ(decode_cpuid_request(0x8000001F40000004),
            (CpuidRequest{.function = 0x8000001F, .reg = 1}));
  EXPECT_EQ(encode_cpuid_response({.value = 0xDEADBEEF, .reg = 3}), 0xDEADBEEFC0000005U);
  EXPECT_EQ(decode_cpuid_response(0xDEADBEEFC0000005),
            (CpuidResponse{.value = 0xDEADBEEF, .reg = 3}));
  EXPECT_EQ(encode_cpuid_request({.function = 0, .reg = 0xFF}), 0xC0000004U);
}

TEST(GhcbMsr, AddressesTravelAsFrameNumbers) {
  EXPECT_EQ(encode_register_gpa_request(0x12345), 0x12345012U);
  EXPECT_EQ(decode_register_gpa_request(0x12345012), 0x12345U);
  EXPECT_EQ(encode_register_gpa_response(0x12345), 0x12345013U);
  EXPECT_EQ(encode_register_gpa_response(register_gfn_refused), 0xFFFFFFFFFFFFF013U);
  EXPECT_EQ(decode_register_gpa_response(0xFFFFFFFFFFFFF013), register_gfn_refused);
  EXPECT_EQ(encode_preferred_gpa_response(preferred_gfn_none), 0xFFFFFFFFFFFFF011U);
  EXPECT_EQ(decode_preferred_gpa_response(0x12345011), 0x12345U);
}

TEST(GhcbMsr, ApResetHoldAnswersWithAResult) {
  EXPECT_EQ(encode_ap_reset_hold_response(1), 0x1007U);
  EXPECT_EQ(decode_ap_reset_hold_response(0x1007), 1U);
}

TEST(GhcbMsr, PageStateChangeHoldsOperationAndFrame) {
  EXPECT_EQ(encode_page_state_change_request({.gfn = 0x12345, .operation = 1}),
            0x0010000012345014U);
  EXPECT_EQ(encode_page_state_change_request({.gfn = 0xFFFFFFFFFF, .operation = 2}),
            0x002FFFFFFFFFF014U);
  EXPECT_EQ(decode_page_state_change_request(0x002FFFFFFFFFF014),
            (PageStateChange{.gfn = 0xFFFFFFFFFF, .operation = 2}));
  EXPECT_EQ(encode_page_state_change_request({.gfn = ~std::uint64_t{0}, .operation = 0xFF}),
            0x00FFFFFFFFFFF014U);
  EXPECT_EQ(encode_page_state_change_response(0), 0x015U);
  EXPECT_EQ(encode_page_state_change_response(0x80000000), 0x8000000000000015U);
  EXPECT_EQ(decode_page_state_change_response(0x8000000000000015), 0x80000000U);
}

TEST(GhcbMsr, RunVmplHoldsTheLevel) {
  EXPECT_EQ(encode_run_vmpl_request(3), 0x300000016U);
  EXPECT_EQ(decode_run_vmpl_request(0x300000016), 3U);
  EXPECT_EQ(encode_run_vmpl_response(0), 0x017U);
  EXPECT_EQ(encode_run_vmpl_response(1), 0x100000017U);
  EXPECT_EQ(decode_run_vmpl_response(0x100000017), 1U);
}

TEST(GhcbMsr, HypervisorFeaturesAreTheData) {
  EXPECT_EQ(encode_hypervisor_features_response(3), 0x3081U);
  EXPECT_EQ(decode_hypervisor_features_response(0x3081), 3U);
}

}  // namespace
}  // namespace extreq::abi::ghcb::msr
