#include "attestation/product.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::attestation {
namespace {

using testing::HasSubstr;

// The ranges as facts, apart from the table in the code: first and last model of each.
std::optional<Product> expected(unsigned family, unsigned model) {
  if (family == 0x19 && model <= 0x0F) return Product::milan;
  if (family == 0x19 && model >= 0x10 && model <= 0x1F) return Product::genoa;
  if (family == 0x19 && model >= 0xA0 && model <= 0xAF) return Product::genoa;
  if (family == 0x1A && model <= 0x11) return Product::turin;
  if (family == 0x1A && model >= 0x50 && model <= 0x57) return Product::venice;
  if (family == 0x1A && model >= 0x90 && model <= 0x9F) return Product::venice;
  if (family == 0x1A && model >= 0xA0 && model <= 0xAF) return Product::venice;
  if (family == 0x1A && model >= 0xC0 && model <= 0xC7) return Product::venice;
  return std::nullopt;
}

TEST(Product, EveryFamilyAndModelHasItsProductOrAnError) {
  for (unsigned family = 0; family <= 0xFF; ++family) {
    for (unsigned model = 0; model <= 0xFF; ++model) {
      const auto product =
          product_from_cpuid(static_cast<std::uint8_t>(family), static_cast<std::uint8_t>(model));
      const auto wanted = expected(family, model);
      ASSERT_EQ(product.has_value(), wanted.has_value()) << family << " " << model;
      if (wanted) {
        ASSERT_EQ(*product, *wanted) << family << " " << model;
      }
    }
  }
}

TEST(Product, AnUnknownProcessorIsNamedInTheError) {
  const auto product = product_from_cpuid(0x17, 0x31);
  ASSERT_FALSE(product);
  EXPECT_EQ(product.error().code, Code::unsupported);
  EXPECT_THAT(product.error().message, HasSubstr("family 0x17 model 0x31"));
}

TEST(Product, TheKeyServiceKnowsBergamoAndSienaAsGenoa) {
  EXPECT_EQ(kds_name(*product_from_cpuid(0x19, 0xA0)), "Genoa");
  EXPECT_EQ(kds_name(*product_from_name("Bergamo-A2")), "Genoa");
  EXPECT_EQ(kds_name(*product_from_name("Siena")), "Genoa");
  EXPECT_EQ(code_name(0x19, 0xA0), "Bergamo or Siena");
  EXPECT_EQ(code_name(0x19, 0x11), "Genoa");
  EXPECT_EQ(code_name(0x17, 0x31), "unknown processor");
}

TEST(Product, ReadsTheNamesOfCertificatesWithAndWithoutStepping) {
  const std::map<std::string_view, Product> names{
      {"Milan", Product::milan},     {"Milan-B0", Product::milan}, {"Milan-B1", Product::milan},
      {"Genoa", Product::genoa},     {"Genoa-B1", Product::genoa}, {"Turin", Product::turin},
      {"Turin-C10", Product::turin}, {"Venice", Product::venice},  {"Venice-A0", Product::venice}};
  for (const auto& [name, product] : names) EXPECT_EQ(product_from_name(name), product) << name;
}

TEST(Product, RefusesNamesThatOnlyLookAlike) {
  for (const std::string_view name :
       {"", "milan", "MILAN", "Milano", "Milan-", "Milan-B", "Milan-0B", "Milan-b0", "Milan-B000",
        "Milan B0", " Milan", "Milan ", "Rome", "Milan-B0-B0", "Turin1"}) {
    const auto product = product_from_name(name);
    ASSERT_FALSE(product) << name;
    EXPECT_EQ(product.error().code, Code::unsupported);
  }
}

TEST(Product, AnUnknownNameReachesTheErrorShortAndPrintable) {
  const auto product = product_from_name(std::string("\x1b[2J\xff") + std::string(1000, 'x'));
  ASSERT_FALSE(product);
  EXPECT_THAT(product.error().message, HasSubstr("\"?[2J?xxx"));
  EXPECT_LT(product.error().message.size(), 200U);
}

}  // namespace
}  // namespace extreq::attestation
