#include "abi/kds.hpp"

#include <gtest/gtest.h>

namespace extreq::abi::kds {
namespace {

TEST(Kds, ExtensionsHaveTheNumbersOfTheDocument) {
  EXPECT_EQ(oid::struct_version, "1.3.6.1.4.1.3704.1.1");
  EXPECT_EQ(oid::product_name, "1.3.6.1.4.1.3704.1.2");
  EXPECT_EQ(oid::bl_spl, "1.3.6.1.4.1.3704.1.3.1");
  EXPECT_EQ(oid::tee_spl, "1.3.6.1.4.1.3704.1.3.2");
  EXPECT_EQ(oid::snp_spl, "1.3.6.1.4.1.3704.1.3.3");
  EXPECT_EQ(oid::spl4, "1.3.6.1.4.1.3704.1.3.4");
  EXPECT_EQ(oid::spl5, "1.3.6.1.4.1.3704.1.3.5");
  EXPECT_EQ(oid::spl6, "1.3.6.1.4.1.3704.1.3.6");
  EXPECT_EQ(oid::spl7, "1.3.6.1.4.1.3704.1.3.7");
  EXPECT_EQ(oid::ucode_spl, "1.3.6.1.4.1.3704.1.3.8");
  EXPECT_EQ(oid::fmc_spl, "1.3.6.1.4.1.3704.1.3.9");
  EXPECT_EQ(oid::hwid, "1.3.6.1.4.1.3704.1.4");
  EXPECT_EQ(oid::csp_id, "1.3.6.1.4.1.3704.1.5");
}

TEST(Kds, ParametersAreSpelledAsTheServiceSpellsThem) {
  EXPECT_EQ(default_base_url, "https://kdsintf.amd.com");
  EXPECT_EQ(parameter_fmc_spl, "fmcSPL");
  EXPECT_EQ(parameter_bl_spl, "blSPL");
  EXPECT_EQ(parameter_tee_spl, "teeSPL");
  EXPECT_EQ(parameter_snp_spl, "snpSPL");
  EXPECT_EQ(parameter_ucode_spl, "ucodeSPL");
}

}  // namespace
}  // namespace extreq::abi::kds
