#include "attestation/measurement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_ovmf.hpp"
#include "attestation/vcpu_type.hpp"
#include "base/byte_builder.hpp"

namespace extreq::attestation {
namespace {

using test::make_ovmf;
using test::OvmfParts;
using testing::HasSubstr;

OvmfImage image_of(const OvmfParts& parts) { return OvmfImage::parse(make_ovmf(parts)).value(); }

// What the image of the known measurements measures as: the metadata, which test_ovmf.hpp has, and
// this digest are all that the rest depends on.
crypto::Sha384Digest known_image_digest() {
  crypto::Sha384Digest digest;
  std::ranges::copy(from_hex("086e2e9149ebf45abdc3445fba5b2da8270bdbb04094d7a2"
                             "c37faaa4b24af3aa16aff8c374c2a55c467a50da6d466b74")
                        .value(),
                    digest.begin());
  return digest;
}

QemuLaunch known_launch(std::uint64_t guest_features) {
  QemuLaunch launch;
  launch.cpuid_signature = cpuid_signature_of("EPYC-v4").value();
  launch.guest_features = guest_features;
  launch.image_digest = known_image_digest();
  return launch;
}

std::string measured(const QemuLaunch& launch) {
  return to_hex(expected_measurement(image_of({}), launch).value());
}

// Figures of virtee/sev-snp-measure's tests: one formula, two programs.
TEST(ExpectedMeasurement, OfAKernelWithItsCommandLineIsTheKnownOne) {
  QemuLaunch launch = known_launch(0x21);
  launch.kernel = KernelHashes::of({}, {}, "console=ttyS0 loglevel=7");
  EXPECT_EQ(measured(launch),
            "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb2"
            "8c653360fe4b3aba7e534442e7e1e17895dfe778d0228977");
  launch.guest_features = 0x1;
  EXPECT_EQ(measured(launch),
            "6d287813eb5222d770f75005c664e34c204f385ce832cc2c"
            "e7d0d6f354454362f390ef83a92046c042e706363b4b08fa");
}

TEST(ExpectedMeasurement, OfFourProcessorsIsTheKnownOne) {
  QemuLaunch launch = known_launch(0x21);
  launch.kernel = KernelHashes::of({}, {}, "");
  launch.vcpus = 4;
  EXPECT_EQ(measured(launch),
            "4953b1fb416fa874980e8442b3706d345926d5f38879134e"
            "00813c5d7abcbe78eafe7b422907be0b4698e2414a631942");
}

TEST(ExpectedMeasurement, WithoutAKernelIsTheKnownOne) {
  EXPECT_EQ(measured(known_launch(0x21)),
            "e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af"
            "9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b");
  EXPECT_EQ(measured(known_launch(0x1)),
            "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6"
            "013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d");
}

TEST(ExpectedMeasurement, CoversEveryPageOfTheImage) {
  OvmfParts parts;
  parts.size = 3 * 4096;
  Bytes bytes = make_ovmf(parts);
  const auto digest = [&] {
    return expected_measurement(OvmfImage::parse(bytes).value(), {}).value();
  };
  const auto before = digest();
  for (const std::size_t at : {0U, 4096U, 8192U}) {
    bytes[at] ^= 1U;
    EXPECT_NE(digest(), before);
    bytes[at] ^= 1U;
  }
  EXPECT_EQ(digest(), before);
}

TEST(ExpectedMeasurement, OfWhatCannotBeLaunchedIsRefused) {
  const auto refusal = [](const OvmfParts& parts, const QemuLaunch& launch) {
    const auto digest = expected_measurement(image_of(parts), launch);
    return digest ? "measured" : digest.error().message;
  };
  QemuLaunch launch;
  launch.vcpus = 0;
  EXPECT_THAT(refusal({}, launch), HasSubstr("0 vCPUs"));
  launch.vcpus = 4097;
  EXPECT_THAT(refusal({}, launch), HasSubstr("4097 vCPUs"));
  launch = {};
  launch.guest_features = 0x20;
  EXPECT_THAT(refusal({}, launch), HasSubstr("bit 0"));
  launch = {};
  launch.kernel = KernelHashes{};
  OvmfParts without;
  without.sections.erase(without.sections.begin() + 5);
  EXPECT_THAT(refusal(without, launch), HasSubstr("no place for its hashes"));
  without = {};
  without.hash_table_gpa = 0;
  EXPECT_THAT(refusal(without, launch), HasSubstr("no place for its hashes"));
  OvmfParts outside;
  outside.hash_table_gpa = 0x810F60;
  EXPECT_THAT(refusal(outside, launch), HasSubstr("wants the kernel's hashes at 0x810f60"));
  outside.hash_table_gpa = 0x810F50;
  EXPECT_EQ(refusal(outside, launch), "measured");
  outside.hash_table_gpa = 0x80FFF0;
  EXPECT_THAT(refusal(outside, launch), HasSubstr("wants the kernel's hashes"));
}

TEST(QemuVmsa, StartsInRealModeAtTheResetVector) {
  const auto vmsa = qemu_vmsa(0xFFFFFFF0, 0x800F12, 0x21);
  EXPECT_EQ(vmsa.cs.selector, 0xF000);
  EXPECT_EQ(vmsa.cs.base, 0xFFFF0000U);
  EXPECT_EQ(vmsa.rip, 0xFFF0U);
  EXPECT_EQ(vmsa.rdx, 0x800F12U);
  EXPECT_EQ(vmsa.sev_features, 0x21U);
  const auto other = qemu_vmsa(0x80B004, 0x800F12, 0x21);
  EXPECT_EQ(other.cs.base, 0x800000U);
  EXPECT_EQ(other.rip, 0xB004U);
}

TEST(VcpuType, HasTheSignatureOfItsFamilyModelAndStepping) {
  EXPECT_EQ(cpuid_signature(23, 1, 2), 0x00800F12U);
  EXPECT_EQ(cpuid_signature(25, 17, 0), 0x00A10F10U);
  EXPECT_EQ(cpuid_signature(25, 0xA0, 2), 0x00AA0F02U);
  EXPECT_EQ(cpuid_signature(26, 2, 1), 0x00B00F21U);
  EXPECT_EQ(cpuid_signature(6, 15, 11), 0x000006FBU | 0x0U);
  EXPECT_EQ(cpuid_signature(6, 0x1A, 5), 0x000106A5U);
  EXPECT_EQ(cpuid_signature_of("EPYC"), 0x00800F12U);
  EXPECT_EQ(cpuid_signature_of("EPYC-IBPB"), 0x00800F12U);
  EXPECT_EQ(cpuid_signature_of("EPYC-Rome-v3"), 0x00830F10U);
  EXPECT_EQ(cpuid_signature_of("EPYC-Milan-v2"), 0x00A00F11U);
  EXPECT_EQ(cpuid_signature_of("EPYC-Genoa"), 0x00A10F10U);
  EXPECT_EQ(cpuid_signature_of("EPYC-Turin"), 0x00B00F00U);
}

TEST(VcpuType, ThatIsNotKnownIsRefusedByName) {
  for (const char* const name :
       {"", "EPYC-v", "EPYC-v0", "EPYC-v9", "EPYC-v12", "EPYC-Napoli", "EPYC-IBPB-v1", "epyc"}) {
    const auto signature = cpuid_signature_of(name);
    ASSERT_FALSE(signature) << name;
    EXPECT_THAT(signature.error().message, HasSubstr(name));
  }
}

}  // namespace
}  // namespace extreq::attestation
