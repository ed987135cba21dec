#include "attestation/ovmf.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_ovmf.hpp"

namespace extreq::attestation {
namespace {

using test::make_ovmf;
using test::OvmfParts;
using testing::HasSubstr;

std::string refusal(const OvmfParts& parts) {
  const auto image = OvmfImage::parse(make_ovmf(parts));
  return image ? "taken" : image.error().message;
}

OvmfParts with_sections(std::vector<OvmfParts::Section> sections) {
  OvmfParts parts;
  parts.sections = std::move(sections);
  return parts;
}

TEST(OvmfImage, SaysWhatItsTableAndMetadataSay) {
  const auto image = OvmfImage::parse(make_ovmf({}));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->gpa(), 0xFFFFF000U);
  EXPECT_EQ(image->hash_table_gpa(), 0x810C00U);
  EXPECT_EQ(image->reset_eip(), 0x80B004U);
  ASSERT_EQ(image->sections().size(), 7U);
  EXPECT_EQ(image->sections()[5].gpa, 0x810000U);
  EXPECT_EQ(image->sections()[5].type, abi::ovmf::SectionType::kernel_hashes);
}

TEST(OvmfImage, WithAHashTableAtZeroHasNone) {
  OvmfParts parts;
  parts.hash_table_gpa = 0;
  EXPECT_EQ(OvmfImage::parse(make_ovmf(parts)).value().hash_table_gpa(), std::nullopt);
}

TEST(OvmfImage, OfWrongSizeOrWithoutATableIsRefused) {
  EXPECT_FALSE(OvmfImage::parse({}));
  EXPECT_FALSE(OvmfImage::parse(Bytes(4095)));
  EXPECT_FALSE(OvmfImage::parse(Bytes(OvmfImage::size_max + 4096)));
  EXPECT_THAT(OvmfImage::parse(Bytes(4096)).error().message, HasSubstr("no table of GUIDs"));
}

TEST(OvmfImage, WithSectionsThatCannotBeLaunchedIsRefused) {
  EXPECT_THAT(refusal(with_sections({{0x1000, 0x1000, 5}})), HasSubstr("no known type"));
  EXPECT_THAT(refusal(with_sections({{0x1001, 0x1000, 1}})), HasSubstr("whole pages"));
  EXPECT_THAT(refusal(with_sections({{0x1000, 0x1001, 1}})), HasSubstr("whole pages"));
  EXPECT_THAT(refusal(with_sections({{0x1000, 0, 1}})), HasSubstr("whole pages"));
  EXPECT_THAT(refusal(with_sections({{0x1000, 0x2000, 2}})), HasSubstr("whole pages"));
  EXPECT_THAT(refusal(with_sections({{0x1000, 0x3000, 1}, {0x3000, 0x1000, 1}})),
              HasSubstr("overlaps"));
  EXPECT_THAT(refusal(with_sections({{0xFFFFF000, 0x1000, 1}})), HasSubstr("into the image"));
  EXPECT_THAT(refusal(with_sections({{0, 0xF0000000, 1}})), HasSubstr("all sections"));
  EXPECT_EQ(refusal(with_sections({{0x1000, 0x3000, 1}, {0x4000, 0x1000, 1}})), "taken");
  EXPECT_EQ(refusal(with_sections({})), "taken");
  EXPECT_THAT(refusal(with_sections(std::vector<OvmfParts::Section>(65, {0x1000, 0x1000, 1}))),
              HasSubstr("at most 64 sections"));
}

TEST(OvmfImage, OfAnotherMetadataVersionIsRefused) {
  OvmfParts parts;
  parts.metadata_version = 2;
  EXPECT_THAT(refusal(parts), HasSubstr("version 2"));
}

// Whatever a byte is changed to, the answer is an image or a refusal.
TEST(OvmfImage, DamagedAnywhereIsReadOrRefused) {
  const Bytes whole = make_ovmf({});
  std::mt19937 random(7);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= static_cast<std::uint8_t>(1U << random() % 8);
    const auto image = OvmfImage::parse(std::move(damaged));
    if (!image) {
      ++refused;
      continue;
    }
    EXPECT_LE(image->sections().size(), OvmfImage::sections_max);
  }
  EXPECT_GT(refused, 50U);
}

}  // namespace
}  // namespace extreq::attestation
