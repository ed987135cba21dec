#include "attestation/launch_digest.hpp"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace extreq::attestation {
namespace {

using abi::snp::PageType;
using Page = std::array<std::uint8_t, abi::snp::page_size>;

Page filled(std::uint8_t value) {
  Page page{};
  page.fill(value);
  return page;
}

Page patterned() {
  Page page{};
  for (std::size_t i = 0; i < page.size(); ++i) page.at(i) = static_cast<std::uint8_t>(i * 7);
  return page;
}

// The expected digests were computed with Python's hashlib from the formula of document 56860.
TEST(LaunchDigest, StartsAsZeros) { EXPECT_TRUE(all_zero(LaunchDigest().digest())); }

TEST(LaunchDigest, MeasuresANormalPageByItsContents) {
  LaunchDigest digest;
  digest.add_page(PageType::normal, 0xFFC00000, patterned());
  EXPECT_EQ(to_hex(digest.digest()),
            "247830e2c73bc23ec3b396bc8234681d24465c0191cd8ff01c2b810ba68d331a"
            "2ce991252f2d2a79505a783b3806ee6e");
}

TEST(LaunchDigest, MeasuresAllTypesOfPagesInOrder) {
  LaunchDigest digest;
  digest.add_page(PageType::normal, 0xFFC00000, patterned());
  for (const PageType type :
       {PageType::zero, PageType::unmeasured, PageType::secrets, PageType::cpuid}) {
    digest.add_page(type, 0x800000 + static_cast<std::uint64_t>(type) * 0x1000, filled(0xEE));
  }
  digest.add_page(PageType::vmsa, abi::snp::vmsa_gpa, filled(0x5A));
  EXPECT_EQ(to_hex(digest.digest()),
            "ca86dd8b265bc584c056fa8044b5b5fda803894efdd1d96fc77b147501cb3358"
            "1fb438c10545cc242471076f32457214");
}

TEST(LaunchDigest, PermissionsAndImiArePartOfTheMeasurement) {
  LaunchDigest digest;
  digest.add_page(PageType::normal, 0x1000, patterned(),
                  {.imi_page = true, .vmpl1_perms = 7, .vmpl2_perms = 3, .vmpl3_perms = 1});
  EXPECT_EQ(to_hex(digest.digest()),
            "d9f435a17d6cbb87c81b0d3a821db7be0c219b0f194f6d584867e770916aa36e"
            "9cd72659b26c730d30a104144570a630");
}

TEST(LaunchDigest, DependsOnTheOrderOfThePages) {
  LaunchDigest one;
  one.add_page(PageType::normal, 0x1000, filled(1));
  one.add_page(PageType::normal, 0x2000, filled(2));
  LaunchDigest other;
  other.add_page(PageType::normal, 0x2000, filled(2));
  other.add_page(PageType::normal, 0x1000, filled(1));
  EXPECT_NE(one.digest(), other.digest());
}

}  // namespace
}  // namespace extreq::attestation
