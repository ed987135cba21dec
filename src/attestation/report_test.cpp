#include "attestation/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_evidence.hpp"
#include "base/byte_builder.hpp"

namespace extreq::attestation {
namespace {

using testing::HasSubstr;

Report with(const std::function<void(abi::snp::AttestationReport&)>& change) {
  auto fields = test::report_fields(Product::genoa);
  change(fields);
  return Report::parse(test::sign(fields)).value();
}

Report of_version(std::uint32_t version) {
  return with([&](auto& fields) {
    fields.version = version;
    fields.launch_mit_vector = 0x11;
    fields.current_mit_vector = 0x22;
  });
}

TEST(Report, ReadsEachFieldFromItsOffset) {
  Bytes bytes(Report::size);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>((i * 31 + i / 256) & 0xFF);
  }
  bytes[0] = 5;
  bytes[1] = bytes[2] = bytes[3] = 0;
  const auto parsed = Report::parse(bytes);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Report& report = *parsed;
  const auto u64_at = [&](std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) value = value << 8U | bytes[at + i];
    return value;
  };
  const auto equals_at = [&](ByteView field, std::size_t at) {
    return std::ranges::equal(field, ByteView(bytes).subspan(at, field.size()));
  };
  EXPECT_EQ(report.version(), 5U);
  EXPECT_EQ(report.guest_svn(), u64_at(0x4) & 0xFFFFFFFF);
  EXPECT_EQ(report.policy(), u64_at(0x8));
  EXPECT_TRUE(equals_at(report.family_id(), 0x10));
  EXPECT_TRUE(equals_at(report.image_id(), 0x20));
  EXPECT_EQ(report.vmpl(), u64_at(0x30) & 0xFFFFFFFF);
  EXPECT_EQ(report.signature_algo(), u64_at(0x34) & 0xFFFFFFFF);
  EXPECT_EQ(report.current_tcb(), u64_at(0x38));
  EXPECT_EQ(report.platform_info(), u64_at(0x40));
  EXPECT_EQ(report.key_info(), u64_at(0x48) & 0xFFFFFFFF);
  EXPECT_TRUE(equals_at(report.report_data(), 0x50));
  EXPECT_TRUE(equals_at(report.measurement(), 0x90));
  EXPECT_TRUE(equals_at(report.host_data(), 0xC0));
  EXPECT_TRUE(equals_at(report.id_key_digest(), 0xE0));
  EXPECT_TRUE(equals_at(report.author_key_digest(), 0x110));
  EXPECT_TRUE(equals_at(report.report_id(), 0x140));
  EXPECT_TRUE(equals_at(report.report_id_ma(), 0x160));
  EXPECT_EQ(report.reported_tcb(), u64_at(0x180));
  EXPECT_EQ(report.cpuid()->family, bytes[0x188]);
  EXPECT_EQ(report.cpuid()->model, bytes[0x189]);
  EXPECT_EQ(report.cpuid()->stepping, bytes[0x18A]);
  EXPECT_TRUE(equals_at(report.chip_id(), 0x1A0));
  EXPECT_EQ(report.committed_tcb(), u64_at(0x1E0));
  EXPECT_EQ(report.current_version().build, bytes[0x1E8]);
  EXPECT_EQ(report.current_version().minor, bytes[0x1E9]);
  EXPECT_EQ(report.current_version().major, bytes[0x1EA]);
  EXPECT_EQ(report.committed_version().build, bytes[0x1EC]);
  EXPECT_EQ(report.launch_tcb(), u64_at(0x1F0));
  EXPECT_EQ(report.launch_mit_vector(), u64_at(0x1F8));
  EXPECT_EQ(report.current_mit_vector(), u64_at(0x200));
}

TEST(Report, KeepsTheRawBytes) {
  const Bytes bytes = test::sign(test::report_fields(Product::turin));
  const auto report = Report::parse(bytes);
  EXPECT_TRUE(std::ranges::equal(report->bytes(), bytes));
  EXPECT_EQ(report->signed_bytes().size(), 0x2A0U);
}

TEST(Report, FieldsThatTheVersionLacksAreAbsentAndNotZero) {
  EXPECT_FALSE(of_version(2).cpuid());
  EXPECT_TRUE(of_version(3).cpuid());
  EXPECT_TRUE(of_version(4).cpuid());
  EXPECT_FALSE(of_version(4).launch_mit_vector());
  EXPECT_FALSE(of_version(4).current_mit_vector());
  EXPECT_EQ(of_version(5).launch_mit_vector(), 0x11U);
  EXPECT_EQ(of_version(5).current_mit_vector(), 0x22U);
}

TEST(Report, LaterVersionsAreTakenAndSaidToBeUnknown) {
  EXPECT_TRUE(of_version(5).version_is_known());
  EXPECT_FALSE(of_version(6).version_is_known());
  EXPECT_EQ(of_version(6).current_mit_vector(), 0x22U);
}

TEST(Report, VersionsThatNoFirmwareWroteAreRefused) {
  for (const std::uint32_t version : {0U, 1U}) {
    auto fields = test::report_fields(Product::milan);
    fields.version = version;
    const auto report = Report::parse(test::sign(fields));
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::unsupported);
    EXPECT_THAT(report.error().message, HasSubstr(fmt::format("version {} found", version)));
  }
}

TEST(Report, AnotherSizeIsRefusedWithBothSizes) {
  const Bytes bytes = test::sign(test::report_fields(Product::milan));
  for (const std::size_t size : {0U, 1U, 0x2A0U, 0x49FU, 0x4A1U, 4000U}) {
    Bytes wrong = bytes;
    wrong.resize(size);
    const auto report = Report::parse(wrong);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::invalid_input);
    EXPECT_THAT(report.error().message,
                HasSubstr(fmt::format("{:#x} bytes found, 0x4a0 wanted", size)));
  }
}

TEST(Report, AWholeResponseMessageIsRecognisedInTheError) {
  EXPECT_THAT(Report::parse(Bytes(0x4C0, 1)).error().message, HasSubstr("MSG_REPORT_RSP"));
}

TEST(Report, SaysWhichKeySigned) {
  const auto key_of = [](std::uint32_t key_info) {
    return with([&](auto& fields) { fields.key_info = key_info; });
  };
  EXPECT_EQ(key_of(0).signing_key(), SigningKey::vcek);
  EXPECT_EQ(key_of(1 << 2).signing_key(), SigningKey::vlek);
  EXPECT_EQ(key_of(7 << 2).signing_key(), SigningKey::none);
  for (std::uint32_t other = 2; other < 7; ++other) {
    EXPECT_EQ(key_of(other << 2).signing_key(), SigningKey::unknown) << other;
  }
  EXPECT_TRUE(key_of(1).author_key_en());
  EXPECT_FALSE(key_of(1).mask_chip_key());
  EXPECT_TRUE(key_of(2).mask_chip_key());
  EXPECT_FALSE(key_of(2).author_key_en());
  EXPECT_EQ(key_of(0xFFFFFFE0).signing_key(), SigningKey::vcek);
}

TEST(Report, AChipIdOfZerosIsMasked) {
  EXPECT_FALSE(with([](auto&) {}).chip_id_masked());
  EXPECT_TRUE(with([](auto& fields) { fields.chip_id = {}; }).chip_id_masked());
}

TEST(Report, ItsSignatureIsTheOneThatWasMade) {
  const Report report = with([](auto&) {});
  const auto signature = report.signature();
  ASSERT_TRUE(signature);
  EXPECT_TRUE(test::leaf_key().public_key().verify_digest(crypto::sha384(report.signed_bytes()),
                                                          *signature));
}

}  // namespace
}  // namespace extreq::attestation
