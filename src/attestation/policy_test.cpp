// Each rule of a policy: a report that meets it and one that does not. Behind a name of google/
// go-sev-guest's validate.Options stands what is its like here.
#include "attestation/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_scene.hpp"

namespace extreq::attestation {
namespace {

namespace snp = abi::snp;
using test::failures;
using test::Scene;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t of(Product product) { return static_cast<std::size_t>(product); }

struct PolicyTest : testing::Test {
  PolicyTest() { policy.waive_report_data = true; }

  [[nodiscard]] Verification verify() {
    scene.expectations.policy = std::make_shared<const Policy>(policy);
    return scene.verify();
  }
  void expect_good() {
    const auto verification = verify();
    EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
  }
  void expect_bad(const char* check) {
    const auto verification = verify();
    EXPECT_EQ(verification.verdict, Verdict::not_acceptable);
    EXPECT_THAT(failures(verification), ElementsAre(check));
  }
  // `rule` is met as it is, and no longer once `spoil` was called.
  template <class Spoil>
  void expect_turns(const char* check, Spoil spoil) {
    expect_good();
    spoil();
    expect_bad(check);
  }

  Scene scene{Product::genoa};
  Policy policy;
};

TEST_F(PolicyTest, AnEmptyOneIsMetAndSaysThatNothingWasChecked) {
  expect_good();
  EXPECT_EQ(verify().check(CheckId::measurement).state, CheckState::not_done);
}

TEST_F(PolicyTest, ReportDataIsNeededUnlessItIsWaived) {
  policy.waive_report_data = false;
  expect_bad("report_data");
  scene.expectations.report_data = scene.fields.report_data;
  expect_good();
}

TEST_F(PolicyTest, ReportDataIsCompared) {  // ReportData
  scene.expectations.report_data = scene.fields.report_data;
  expect_turns("report_data", [&] { (*scene.expectations.report_data)[63] ^= 1U; });
}

TEST_F(PolicyTest, BitsOfTheGuestPolicyAreRequired) {  // GuestPolicy
  for (const NamedBit& bit : guest_policy_bits()) {
    policy.guest_policy = {bit.mask, 0};
    scene.fields.policy = bit.mask;
    expect_good();
    scene.fields.policy = ~bit.mask;
    expect_bad("guest_policy");
    EXPECT_THAT(verify().check(CheckId::guest_policy).why, HasSubstr(std::string(bit.name)));
  }
}

TEST_F(PolicyTest, BitsOfTheGuestPolicyAreForbidden) {  // GuestPolicy
  for (const NamedBit& bit : guest_policy_bits()) {
    policy.guest_policy = {0, bit.mask};
    scene.fields.policy = ~bit.mask;
    expect_good();
    scene.fields.policy = bit.mask;
    expect_bad("guest_policy");
  }
}

TEST_F(PolicyTest, UnknownBitsCanBeForbidden) {
  policy.guest_policy.forbid = ~snp::policy::known_mask;
  expect_turns("guest_policy", [&] { scene.fields.policy = 1ULL << 40U; });
  EXPECT_THAT(verify().check(CheckId::guest_policy).why, HasSubstr("bit 40"));
}

TEST_F(PolicyTest, TheAbiOfTheGuestPolicyHasAFloor) {  // GuestPolicy
  policy.minimum_policy_abi = {1, 51};
  scene.fields.policy = 0x0200;
  expect_good();
  scene.fields.policy = 0x0133;
  expect_turns("guest_policy", [&] { scene.fields.policy = 0x0132; });
}

TEST_F(PolicyTest, BitsOfPlatformInfoAreRequiredAndForbidden) {  // PlatformInfo
  policy.platform_info = {snp::platform_info::ecc_en, snp::platform_info::smt_en};
  scene.fields.platform_info = snp::platform_info::ecc_en;
  expect_turns("platform_info", [&] { scene.fields.platform_info = 0; });
  scene.fields.platform_info = snp::platform_info::ecc_en | snp::platform_info::smt_en;
  expect_bad("platform_info");
}

// MinimumTCB, MinimumLaunchTCB: all four kinds, all components.
TEST_F(PolicyTest, EachComponentOfEachTcbHasAFloor) {
  const Tcb tcb = test::tcb(Product::genoa);
  const std::uint64_t value = encode_tcb(tcb);
  scene.fields.current_tcb = scene.fields.committed_tcb = scene.fields.launch_tcb = value;
  for (std::size_t kind = 0; kind < tcb_kind_names.size(); ++kind) {
    for (std::uint8_t component = 0; component < 4; ++component) {
      const auto floor = [&](unsigned above) {
        const auto up = [&](std::uint8_t at) { return static_cast<std::uint8_t>(at + above); };
        TcbFloor result;
        if (component == 0) result.bootloader = up(tcb.bootloader);
        if (component == 1) result.tee = up(tcb.tee);
        if (component == 2) result.snp = up(tcb.snp);
        if (component == 3) result.microcode = up(tcb.microcode);
        return result;
      };
      TcbFloors floors;
      floors.at(kind) = floor(0);
      policy.minimum_tcb.at(of(Product::genoa)) = floors;
      expect_good();
      floors.at(kind) = floor(1);
      policy.minimum_tcb.at(of(Product::genoa)) = floors;
      expect_bad("minimum_tcb");
    }
  }
}

TEST_F(PolicyTest, FloorsForOtherProductsAreNoFloorsForThisOne) {
  policy.minimum_tcb.at(of(Product::milan)) = TcbFloors();
  expect_bad("minimum_tcb");
}

TEST_F(PolicyTest, AnFmcFloorIsNotMetWhereThereIsNoFmc) {
  TcbFloors floors;
  floors[0].fmc = 0;
  policy.minimum_tcb.at(of(Product::genoa)) = floors;
  expect_bad("minimum_tcb");
}

TEST_F(PolicyTest, TheFirmwaresVersionsHaveFloors) {  // MinimumVersion
  policy.minimum_version = {{{1, 55}, {1, 54}}};
  scene.fields.current_version = {.build = 0, .minor = 55, .major = 1, .reserved = 0};
  scene.fields.committed_version = {.build = 0, .minor = 0, .major = 2, .reserved = 0};
  expect_turns("minimum_version", [&] { scene.fields.current_version.minor = 54; });
  scene.fields.current_version.minor = 55;
  scene.fields.committed_version = {.build = 0, .minor = 53, .major = 1, .reserved = 0};
  expect_bad("minimum_version");
}

TEST_F(PolicyTest, TheFirmwaresBuildsHaveFloors) {  // MinimumBuild
  policy.minimum_build = {{21, 20}};
  scene.fields.current_version.build = 21;
  scene.fields.committed_version.build = 20;
  expect_turns("minimum_version", [&] { scene.fields.committed_version.build = 19; });
}

TEST_F(PolicyTest, ProvisionalFirmwareCanBeForbidden) {  // PermitProvisionalFirmware
  scene.fields.committed_version = scene.fields.current_version;
  scene.fields.committed_tcb = scene.fields.current_tcb;
  policy.forbid_provisional_firmware = true;
  expect_turns("committed_firmware", [&] { scene.fields.current_version.build += 1; });
  scene.fields.committed_version = scene.fields.current_version;
  scene.fields.committed_tcb = 0;
  scene.fields.current_tcb = 1;
  expect_bad("committed_firmware");
  policy.forbid_provisional_firmware = false;
  expect_good();
}

// MinimumLaunchMitigationVector, MinimumCurrentMitigationVector
TEST_F(PolicyTest, BitsOfTheMitigationVectorsAreRequired) {
  scene.fields.version = 5;
  scene.fields.launch_mit_vector = 0b110;
  scene.fields.current_mit_vector = 0b011;
  policy.launch_mitigations = 0b010;
  policy.current_mitigations = 0b001;
  expect_turns("mitigations", [&] { scene.fields.launch_mit_vector = 0b101; });
  scene.fields.launch_mit_vector = 0b010;
  scene.fields.current_mit_vector = 0b110;
  expect_bad("mitigations");
}

TEST_F(PolicyTest, AVectorThatTheReportLacksIsNotZeroButMissing) {
  scene.fields.version = 3;
  policy.launch_mitigations = 0;
  expect_bad("mitigations");
}

TEST_F(PolicyTest, TheMeasurementIsOneOfASet) {  // Measurement
  policy.measurements = {abi::ByteArray<48>{9}, scene.fields.measurement};
  expect_turns("measurement", [&] { policy.measurements.pop_back(); });
}

TEST_F(PolicyTest, HostDataIsOneOfASet) {  // HostData
  policy.host_data = {scene.fields.host_data};
  expect_turns("host_data", [&] { scene.fields.host_data[0] ^= 1U; });
}

TEST_F(PolicyTest, TheIdsAreOneOfTheirSets) {  // FamilyID, ImageID, ReportID, ReportIDMA
  policy.family_ids = {scene.fields.family_id};
  policy.image_ids = {scene.fields.image_id};
  policy.report_ids = {scene.fields.report_id};
  policy.report_ids_ma = {scene.fields.report_id_ma};
  const auto flips = [&](auto& id) {
    expect_turns("identity", [&] { id[1] ^= 1U; });
    id[1] ^= 1U;
  };
  flips(scene.fields.family_id);
  flips(scene.fields.image_id);
  flips(scene.fields.report_id);
  flips(scene.fields.report_id_ma);
}

TEST_F(PolicyTest, TheGuestSvnHasAFloor) {  // MinimumGuestSvn
  scene.fields.guest_svn = 4;
  policy.minimum_guest_svn = 4;
  expect_turns("identity", [&] { scene.fields.guest_svn = 3; });
}

TEST_F(PolicyTest, TheChipIsOneOfASetAndMustNotBeMaskedIfSo) {  // ChipID
  policy.chip_ids = {scene.fields.chip_id};
  expect_turns("platform", [&] { policy.chip_ids[0][0] ^= 1U; });
  policy.chip_ids.clear();
  policy.forbid_masked_chip_id = true;
  expect_turns("platform", [&] { scene.fields.chip_id = {}; });
}

TEST_F(PolicyTest, TheVmplIsOneOfASet) {  // VMPL
  policy.vmpls = {0, 2};
  scene.fields.vmpl = 2;
  expect_turns("vmpl", [&] { scene.fields.vmpl = 1; });
}

TEST_F(PolicyTest, TheProductAndTheSigningKeyAreOneOfTheirSets) {
  policy.products = {Product::genoa};
  policy.signing_keys = {SigningKey::vcek};
  expect_turns("platform", [&] { policy.products = {Product::milan}; });
  policy.products.clear();
  scene.use_vlek();
  expect_bad("platform");
}

TEST_F(PolicyTest, TheProviderOfAVlekIsOneOfASet) {
  policy.csp_ids = {"provider"};
  expect_bad("platform");
  scene.use_vlek();
  expect_turns("platform", [&] { policy.csp_ids = {"another"}; });
}

TEST_F(PolicyTest, AnIdBlockCanBeRequired) {  // RequireIDBlock
  policy.require_id_block = true;
  scene.fields.id_key_digest = {1};
  expect_turns("id_block", [&] { scene.fields.id_key_digest = {}; });
}

TEST_F(PolicyTest, AnAuthorKeyCanBeRequired) {  // RequireAuthorKey
  policy.require_author_key = true;
  scene.fields.author_key_digest = {1};
  scene.fields.key_info = scene.fields.key_info.get() | snp::key_info::author_key_en;
  expect_turns("id_block", [&] {
    scene.fields.key_info = scene.fields.key_info.get() & ~snp::key_info::author_key_en;
  });
}

// TrustedIDKeys, TrustedIDKeyHashes
TEST_F(PolicyTest, TheIdKeyIsOneOfASet) {
  scene.fields.id_key_digest = {1};
  policy.id_key_digests = {abi::ByteArray<48>{1}};
  expect_turns("id_block", [&] { scene.fields.id_key_digest = {2}; });
}

// TrustedAuthorKeys, TrustedAuthorKeyHashes
TEST_F(PolicyTest, ATrustedAuthorKeyVouchesForAnyIdKeyIfItIsEnabled) {
  policy.id_key_digests = {abi::ByteArray<48>{9}};
  policy.author_key_digests = {abi::ByteArray<48>{1}};
  scene.fields.id_key_digest = {2};
  scene.fields.author_key_digest = {1};
  scene.fields.key_info = scene.fields.key_info.get() | snp::key_info::author_key_en;
  expect_turns("id_block", [&] {
    scene.fields.key_info = scene.fields.key_info.get() & ~snp::key_info::author_key_en;
  });
}

TEST_F(PolicyTest, NoIdBlockIsNotAKeyOfZeros) {
  scene.fields.id_key_digest = {};
  policy.id_key_digests = {abi::ByteArray<48>{}};
  expect_bad("id_block");
}

// CertTableOptions
TEST_F(PolicyTest, EntriesOfTheTableAreRequiredForbiddenAndCompared) {
  const Guid guid{1, 2, 3};
  const auto serve = [&](std::optional<Bytes> data) {
    CertificateTableBuilder builder;
    if (data) {
      EXPECT_TRUE(builder.add(guid, *data));
    }
    scene.expectations.certificate_table =
        std::make_shared<const CertificateTable>(CertificateTable::parse(builder.build()).value());
  };
  policy.table_rules = {{guid, Presence::require, {crypto::sha256(Bytes{7})}}};
  expect_bad("certificate_table");
  serve(Bytes{7});
  expect_turns("certificate_table", [&] { serve(Bytes{8}); });
  serve({});
  expect_bad("certificate_table");
  policy.table_rules[0].presence = Presence::any;
  expect_good();
  policy.table_rules = {{guid, Presence::forbid, {}}};
  expect_turns("certificate_table", [&] { serve(Bytes{7}); });
}

TEST_F(PolicyTest, WhatIsNotGenuineIsNeverOnlyUnacceptable) {
  policy.vmpls = {3};
  scene.fields.reported_tcb = 0;
  EXPECT_EQ(verify().verdict, Verdict::not_genuine);
}

}  // namespace
}  // namespace extreq::attestation
