#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "abi/layout_test.hpp"

namespace extreq::abi::ghcb::msr {
namespace {

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

TEST(GhcbMsr, AddressesTravelAsFrameNumbers) {
  EXPECT_EQ(encode_register_gpa_request(0x12345), 0x12345012U);
  EXPECT_EQ(decode_register_gpa_request(0x12345012), 0x12345U);
  EXPECT_EQ(encode_register_gpa_response(0x12345), 0x12345013U);
  EXPECT_EQ(encode_preferred_gpa_response(preferred_gfn_none), 0xFFFFFFFFFFFFF011U);
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

TEST(GhcbMsr, HypervisorFeaturesAreTheData) {
  EXPECT_EQ(encode_hypervisor_features_response(3), 0x3081U);
  EXPECT_EQ(decode_hypervisor_features_response(0x3081), 3U);
}

}  // namespace
}  // namespace extreq::abi::ghcb::msr
