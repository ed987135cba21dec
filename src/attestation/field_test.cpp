// What users of other tools ran into, one test for each thread: OWNER/REPOSITORY and number stand
// above it. Names of repositories: https://github.com/<repository>/issues/<number>.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/kds.hpp"
#include "attestation/test_scene.hpp"
#include "base/byte_builder.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::attestation {
namespace {

namespace guids = abi::ghcb::certificate_table;
namespace oid = abi::kds::oid;
using crypto::Certificate;
using crypto::CertificateContent;
using crypto::RevocationListContent;
using test::failures;
using test::Scene;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Certificate> through_a_table(const Guid& leaf_guid,
                                         const std::vector<Certificate>& certificates) {
  CertificateTableBuilder builder;
  EXPECT_TRUE(builder.add(leaf_guid, certificates.at(0).der()));
  EXPECT_TRUE(builder.add(guids::guid_ask, certificates.at(1).der()));
  EXPECT_TRUE(builder.add(guids::guid_ark, certificates.at(2).der()));
  return certificates_of(CertificateTable::parse(builder.build()).value()).value();
}

// --- Certificate and TCB out of step -----------------------------------------------------------

// google/go-sev-guest 72 and 73, AMDESE/sev-tool 84, enarx/steward 154
TEST(Field, TheKeyComesFromReportedTcbAndNotFromCurrentTcb) {
  Scene scene(Product::milan);
  Tcb newer = test::tcb(Product::milan);
  newer.snp = 20;
  scene.fields.current_tcb = encode_tcb(newer);
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
  scene.certificates[0] = scene.authority.vcek(newer, test::chip_id(Product::milan));
  EXPECT_THAT(failures(scene.verify()), ElementsAre("reported_tcb"));
}

// AMDESE/sev-tool 48
TEST(Field, TheBytesOfATcbAreNotReversedAndAreShownInDecimal) {
  EXPECT_EQ(to_text(decode_tcb(0xD9'08'00'00'00'00'00'03, TcbLayout::milan)),
            "bootloader 3, TEE 0, SNP 8, microcode 217");
}

// AMDESE/sev-tool 60, virtee/snpguest 32, SNPGuard/snp-guard 21
TEST(Field, AStaleCertificateIsSaidToBeStaleComponentByComponent) {
  Scene scene(Product::milan);
  Tcb older = test::tcb(Product::milan);
  older.microcode = 100;
  scene.certificates[0] =
      scene.authority.vcek(older, test::chip_id(Product::milan), [](CertificateContent& content) {
        content.subject_key = crypto::EcdsaP384PrivateKey::generate()->public_key();
      });
  const Verification verification = scene.verify();
  EXPECT_THAT(failures(verification), ElementsAre("signature", "reported_tcb"));
  EXPECT_EQ(verification.check(CheckId::reported_tcb).why,
            "microcode 217 in the report and 100 in the VCEK");
}

// google/go-sev-guest 59
TEST(Field, AReportedTcbBelowTheCommittedOneIsGenuine) {
  Scene scene(Product::genoa);
  Tcb committed = test::tcb(Product::genoa);
  committed.snp = 99;
  scene.fields.committed_tcb = encode_tcb(committed);
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

// --- New silicon -------------------------------------------------------------------------------

// google/go-sev-guest 165, 153 and 199, AMDESE/AMDSEV 285
TEST(Field, ATurinReportOfVersionFiveWithAnEightByteChipIdIsGenuine) {
  Scene scene(Product::turin);
  scene.fields.version = 5;
  scene.fields.current_mit_vector = 3;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
  scene.fields.chip_id[8] = 1;
  EXPECT_THAT(failures(scene.verify()), ElementsAre("chip_id"));
}

// confidential-dot-ai/attestation-rs 89
TEST(Field, TwoTurinVceksThatDifferInTheFmcAloneAreNotTheSame) {
  Scene scene(Product::turin);
  Tcb other = test::tcb(Product::turin);
  other.fmc = static_cast<std::uint8_t>(*other.fmc + 1);
  scene.certificates[0] = scene.authority.vcek(other, test::chip_id(Product::turin));
  EXPECT_THAT(scene.verify().check(CheckId::reported_tcb).why, HasSubstr("FMC 1 in the report"));
}

// virtee/sev 307, virtee/snpguest 98 and 99
TEST(Field, TheLayoutFollowsTheProductAndNeverTheReportsVersion) {
  for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
    Scene scene(Product::milan);
    scene.fields.version = version;
    scene.fields.cpuid_family = 0x19;
    scene.fields.cpuid_model = 0x01;
    EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << version;
  }
}

// google/go-sev-guest 168, 169, 170, 193 and 197, virtee/snphost 123: the FMC is Turin's first
// byte, and Milan has none.
TEST(Field, TheFmcIsReadWhereTheProductHasOneAndNowhereElse) {
  constexpr std::uint64_t bytes = 0x08'07'06'05'04'03'02'01;
  EXPECT_EQ(decode_tcb(bytes, TcbLayout::turin).fmc, 1);
  EXPECT_EQ(decode_tcb(bytes, TcbLayout::turin).bootloader, 2);
  EXPECT_EQ(decode_tcb(bytes, TcbLayout::milan).fmc, std::nullopt);
  EXPECT_EQ(decode_tcb(bytes, TcbLayout::milan).bootloader, 1);
  for (const Product product : {Product::milan, Product::turin}) {
    Scene scene(product);
    EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
    scene.fields.reported_tcb = scene.fields.reported_tcb ^ 1U;  // its lowest byte
    EXPECT_THAT(scene.verify().check(CheckId::reported_tcb).why,
                testing::StartsWith(product == Product::turin ? "FMC" : "bootloader"));
  }
  Scene scene(Product::turin);
  scene.replace_vcek(
      [](CertificateContent& content) { test::remove_extension(content, oid::fmc_spl); });
  EXPECT_THAT(failures(scene.verify()), ElementsAre("leaf"));
}

// google/go-sev-guest 193 and 198
TEST(Field, AHardwareIdOfTheOtherProductsLengthIsRefused) {
  for (const Product product : {Product::milan, Product::turin}) {
    Scene scene(product);
    const Product other = product == Product::milan ? Product::turin : Product::milan;
    scene.replace_vcek([&](CertificateContent& content) {
      test::extension(content, oid::hwid) = test::chip_id(other);
    });
    EXPECT_THAT(failures(scene.verify()), ElementsAre("leaf")) << kds_name(product);
  }
}

// virtee/snphost 141
TEST(Field, TheFmcComesFirstInTheOrderOfTheKeyService) {
  EXPECT_EQ(tcb_fields(TcbLayout::turin).front().kds_parameter, "fmcSPL");
}

// virtee/snpguest 158
TEST(Field, AReportFromAnUnknownProcessorKeepsItsBytes) {
  auto fields = test::report_fields(Product::turin);
  fields.version = 9;
  fields.cpuid_family = 0x1C;
  const Bytes bytes = test::sign(fields);
  const auto report = Report::parse(bytes);
  ASSERT_TRUE(report);
  EXPECT_TRUE(std::ranges::equal(report->bytes(), bytes));
}

// virtee/snpguest 159: a check that never ran. Here the chip id alone is wrong, for each product.
TEST(Field, TheHardwareIdIsCompared) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    Scene scene(product);
    scene.fields.chip_id[0] ^= 0x80U;
    EXPECT_THAT(failures(scene.verify()), ElementsAre("chip_id"));
  }
}

// virtee/sev 298, virtee/snpguest 89: its report does not say that it is of a Turin, its VCEK does.
TEST(Field, ATurinReportOfVersionTwoHasTheLayoutOfItsVcek) {
  for (const bool masked : {false, true}) {
    Scene scene(Product::turin);
    scene.fields.version = 2;
    if (masked) scene.fields.chip_id.fill(0);
    const Verification verification = scene.verify();
    EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
    EXPECT_EQ(verification.product, Product::turin);
    EXPECT_THAT(verification.check(CheckId::reported_tcb).why, HasSubstr("FMC"));
  }
}

// google/go-sev-guest 196, uyuni-project/uyuni 10651 and 10681: Bergamo and Siena are under Genoa's
// root.
TEST(Field, EachProcessorIsOfTheProductThatItsChainIsOf) {
  struct Processor {
    std::uint8_t family;
    std::uint8_t model;
    Product product;
  };
  constexpr std::array processors = {
      Processor{0x19, 0x01, Product::milan},  Processor{0x19, 0x11, Product::genoa},
      Processor{0x19, 0xA0, Product::genoa},  Processor{0x19, 0xAF, Product::genoa},
      Processor{0x1A, 0x02, Product::turin},  Processor{0x1A, 0x11, Product::turin},
      Processor{0x1A, 0x50, Product::venice},
  };
  for (const Processor& processor : processors) {
    Scene scene(processor.product);
    scene.fields.version = 3;
    scene.fields.cpuid_family = processor.family;
    scene.fields.cpuid_model = processor.model;
    EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
    scene.fields.cpuid_family = processor.family == 0x19 ? 0x1A : 0x19;
    scene.fields.cpuid_model = processor.product == Product::turin ? 0xA0 : 0x02;
    EXPECT_THAT(failures(scene.verify()), ElementsAre("product"));
  }
}

// tinfoilsh/tinfoil-go 114: no processor is no reason to take one.
TEST(Field, AReportOfVersionThreeThatNamesNoProcessorIsNotTakenForAnybodys) {
  Scene scene(Product::genoa);
  scene.fields.cpuid_family = scene.fields.cpuid_model = scene.fields.cpuid_stepping = 0;
  EXPECT_THAT(failures(scene.verify()), ElementsAre("product"));
  EXPECT_THAT(scene.verify().check(CheckId::product).why, HasSubstr("family 0x00 model 0x00"));
}

// virtee/snpguest 109: the signature passed there although the chain had not.
TEST(Field, AnAskOfAnotherProductIsNotOutweighedByASignatureThatFits) {
  Scene scene(Product::turin);
  scene.certificates[1] = test::Authority(Product::genoa).ask();
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::not_genuine);
  EXPECT_EQ(verification.check(CheckId::signature).state, CheckState::passed);
  EXPECT_EQ(verification.check(CheckId::leaf).state, CheckState::failed);
}

// --- VLEK --------------------------------------------------------------------------------------

// virtee/snpguest 36
TEST(Field, ATableWithAVlekEntryIsRead) {
  Scene scene(Product::milan);
  scene.use_vlek();
  scene.certificates = through_a_table(guids::guid_vlek, scene.certificates);
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

// confidential-containers/trustee 286 and 385: both leaves are there, SIGNING_KEY chooses.
TEST(Field, TheChainIsPickedBySigningKeyAndNotByWhatIsThere) {
  Scene scene(Product::milan);
  const auto vcek_side = scene.certificates;
  scene.use_vlek();
  for (const bool vlek_first : {true, false}) {
    Scene both(Product::milan);
    both.root = scene.root;
    both.anchors = scene.anchors;
    both.certificates = vlek_first ? scene.certificates : vcek_side;
    const auto& second = vlek_first ? vcek_side : scene.certificates;
    both.certificates.insert(both.certificates.end(), second.begin(), second.end());
    EXPECT_EQ(both.verify().verdict, Verdict::genuine);
    both.fields.key_info = abi::snp::key_info::signing_key_vlek
                           << abi::snp::key_info::signing_key_shift;
    EXPECT_EQ(both.verify().verdict, Verdict::genuine);
  }
}

// virtee/snpguest 43, virtee/snphost 143
TEST(Field, AnAsvkUnderTheGuidOfTheAskIsToldByItsName) {
  Scene scene(Product::genoa);
  scene.use_vlek();
  const auto certificates = through_a_table(guids::guid_vlek, scene.certificates);
  EXPECT_EQ(subject_of(certificates[1])->role, Role::asvk);
  scene.certificates = certificates;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

// microsoft/TEE-Attestation-Verification 149
TEST(Field, TheSignerIsExplicitAndAVleksChipIsNotClaimed) {
  Scene scene(Product::milan);
  scene.use_vlek();
  scene.fields.chip_id.fill(0x99);
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.signing_key, SigningKey::vlek);
  EXPECT_EQ(verification.check(CheckId::chip_id).state, CheckState::not_done);
  EXPECT_THAT(summary(verification), HasSubstr("signed by a VLEK"));
  EXPECT_THAT(summary(verification), HasSubstr("not checked: revocation, chip_id"));
}

// --- Verifiers that forgot to check ------------------------------------------------------------

// microsoft/TEE-Attestation-Verification 142 and 147
TEST(Field, SigningKeyIsEnforcedAndTheHardwareIdNeeded) {
  Scene scene(Product::milan);
  scene.fields.key_info = abi::snp::key_info::signing_key_vlek
                          << abi::snp::key_info::signing_key_shift;
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
  Scene without(Product::milan);
  without.replace_vcek(
      [](CertificateContent& content) { test::remove_extension(content, oid::hwid); });
  EXPECT_EQ(without.verify().verdict, Verdict::not_genuine);
}

// microsoft/TEE-Attestation-Verification 152: what was not checked stands in the result.
TEST(Field, TheResultListsWhatWasNotChecked) {
  const Verification verification = Scene(Product::milan).verify();
  EXPECT_THAT(test::names(verification, CheckState::not_done),
              ElementsAre("revocation", "runtime_data", "report_data", "vmpl", "guest_policy",
                          "platform_info", "minimum_tcb", "minimum_version", "committed_firmware",
                          "mitigations", "measurement", "host_data", "identity", "platform",
                          "id_block", "certificate_table"));
}

// confidential-dot-ai/attestation-rs 67 and 83: entry points that check different things.
TEST(Field, BothEntryPointsGiveTheSameResult) {
  Scene scene(Product::milan);
  scene.at = test::now() + std::chrono::years(3);
  scene.fields.reported_tcb = 0;
  const Report report = Report::parse(test::sign(scene.fields)).value();
  const Endorsement endorsement =
      Endorsement::find(report.signing_key(), scene.certificates, scene.anchors);
  const Verification one = scene.verify();
  const Verification other = verify(report, endorsement, scene.at, {});
  EXPECT_EQ(failures(one), failures(other));
  EXPECT_THAT(failures(one), ElementsAre("validity", "reported_tcb"));
}

// agentrust-io/cmcp 384
TEST(Field, AnotherReportDataIsNoSuccess) {
  Scene scene(Product::milan);
  scene.expectations.report_data = abi::ByteArray<64>{};
  EXPECT_EQ(scene.verify().verdict, Verdict::not_acceptable);
}

// agentrust-io/cmcp 386 and 390
TEST(Field, NothingIsGenuineWithAnUncheckedChain) {
  for (std::size_t keep = 0; keep < 3; ++keep) {
    Scene scene(Product::milan);
    scene.anchors = TrustAnchors();
    scene.certificates.erase(scene.certificates.begin() + static_cast<std::ptrdiff_t>(keep),
                             scene.certificates.end());
    EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine) << keep;
  }
}

// microsoft/CCF 6583, microsoft/confidential-sidecar-containers 167: hosts obtain reports of their
// own.
TEST(Field, AReportThatTheHostAskedForIsRefusedUnlessItIsAskedFor) {
  Scene scene(Product::milan);
  scene.fields.vmpl = abi::snp::vmpl_host;
  EXPECT_EQ(scene.verify().verdict, Verdict::not_acceptable);
  EXPECT_THAT(scene.verify().check(CheckId::vmpl).why, HasSubstr("asked for by the host"));
  Policy policy;
  policy.waive_report_data = true;
  policy.allow_host_initiated = true;
  scene.expectations.policy = std::make_shared<const Policy>(policy);
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

// project-oak/oak 4637 and 4931: later stages must not speak for the first one.
TEST(Field, AVmplThatIsNotAskedForIsRefused) {
  Scene scene(Product::milan);
  Policy policy;
  policy.waive_report_data = true;
  policy.vmpls = {0};
  scene.expectations.policy = std::make_shared<const Policy>(policy);
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
  scene.fields.vmpl = 1;
  EXPECT_THAT(failures(scene.verify()), ElementsAre("vmpl"));
}

// agentrust-io/cmcp 656, google/go-sev-guest 195, virtee/snphost 108: a rule for each bit of
// PLATFORM_INFO.
TEST(Field, EachBitOfPlatformInfoHasARuleOfItsOwn) {
  for (const NamedBit& bit : platform_info_bits()) {
    for (const bool set : {false, true}) {
      Scene scene(Product::milan);
      scene.fields.platform_info = set ? bit.mask : 0;
      Policy policy;
      policy.waive_report_data = true;
      policy.platform_info.require = bit.mask;
      scene.expectations.policy = std::make_shared<const Policy>(policy);
      EXPECT_EQ(scene.verify().verdict == Verdict::genuine, set) << bit.name;
      policy.platform_info = {0, bit.mask};
      scene.expectations.policy = std::make_shared<const Policy>(policy);
      EXPECT_EQ(scene.verify().verdict == Verdict::genuine, !set) << bit.name;
    }
  }
}

// NVIDIA/NVFlare 5131
TEST(Field, WithoutAChallengeTheResultSaysThatAnOldReportWouldPass) {
  EXPECT_THAT(Scene(Product::milan).verify().check(CheckId::report_data).why,
              HasSubstr("an old report would pass"));
}

// vaaraio/vaara 225
TEST(Field, ReportsUnderAnInventedRootAreRefused) {
  Scene scene(Product::milan);
  scene.anchors = TrustAnchors();
  EXPECT_THAT(failures(scene.verify()), ElementsAre("root_trusted"));
}

// microsoft/TEE-Attestation-Verification 146: what a version does not have is not read.
TEST(Field, AReportOfVersionTwoHasNoProcessorWhateverItsBytesAre) {
  Scene scene(Product::milan);
  scene.fields.cpuid_family = 0x1A;
  scene.fields.cpuid_model = 0x02;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
  scene.fields.version = 3;
  EXPECT_THAT(failures(scene.verify()), ElementsAre("product"));
}

// agentrust-io/agent-manifest 100 and 201: a comparison of a value with itself.
TEST(Field, EachByteOfReportDataIsComparedWithWhatWasAskedFor) {
  Scene scene(Product::milan);
  scene.expectations.report_data = scene.fields.report_data;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
  for (std::size_t i = 0; i < scene.fields.report_data.size(); ++i) {
    scene.expectations.report_data->at(i) ^= 1;
    EXPECT_THAT(failures(scene.verify()), ElementsAre("report_data")) << i;
    scene.expectations.report_data->at(i) ^= 1;
  }
}

// microsoft/CCF 6812, AMDESE/AMDSEV 89, confidential-containers/trustee 1390: no signed status says
// which TCB is good, so the verifier's own floor counts, for each component.
TEST(Field, AGenuineReportBelowTheVerifiersFloorIsNotAcceptable) {
  Scene scene(Product::milan);
  Policy policy;
  policy.waive_report_data = true;
  TcbFloors& floors = policy.minimum_tcb[static_cast<std::size_t>(Product::milan)].emplace();
  for (TcbFloor& floor : floors) floor.snp = test::tcb(Product::milan).snp;
  scene.expectations.policy = std::make_shared<const Policy>(policy);
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
  for (TcbFloor& floor : floors) floor.snp = static_cast<std::uint8_t>(*floor.snp + 1);
  scene.expectations.policy = std::make_shared<const Policy>(policy);
  EXPECT_THAT(failures(scene.verify()), ElementsAre("minimum_tcb"));
}

// microsoft/CCF 6837: there reports of version 2 passed below the floor.
TEST(Field, AReportThatNamesNoProcessorIsHeldAgainstTheFloorOfItsVceksProduct) {
  for (const Product product : {Product::milan, Product::turin}) {
    Scene scene(product);
    scene.fields.version = 2;
    Policy policy;
    policy.waive_report_data = true;
    TcbFloors& floors = policy.minimum_tcb[static_cast<std::size_t>(product)].emplace();
    for (TcbFloor& floor : floors) floor.microcode = test::tcb(product).microcode;
    scene.expectations.policy = std::make_shared<const Policy>(policy);
    EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
    for (TcbFloor& floor : floors)
      floor.microcode = static_cast<std::uint8_t>(*floor.microcode + 1);
    scene.expectations.policy = std::make_shared<const Policy>(policy);
    EXPECT_THAT(failures(scene.verify()), ElementsAre("minimum_tcb"));
  }
}

// agentrust-io/agent-manifest 207: HOST_DATA is the host's word and REPORT_DATA the guest's, and
// neither is read where the other, or REPORT_ID, stands.
TEST(Field, WhatTheHostSaidIsNotTakenForWhatTheGuestSays) {
  Scene scene(Product::milan);
  scene.fields.report_data.fill(1);
  scene.fields.host_data.fill(2);
  scene.fields.report_id.fill(3);
  const auto failed = [&](std::uint8_t report_data, std::uint8_t host_data) {
    scene.expectations.report_data.emplace().fill(report_data);
    Policy policy;
    policy.host_data.emplace_back().fill(host_data);
    scene.expectations.policy = std::make_shared<const Policy>(policy);
    return failures(scene.verify());
  };
  EXPECT_THAT(failed(1, 2), ElementsAre());
  EXPECT_THAT(failed(2, 2), ElementsAre("report_data"));
  EXPECT_THAT(failed(3, 2), ElementsAre("report_data"));
  EXPECT_THAT(failed(1, 1), ElementsAre("host_data"));
  EXPECT_THAT(failed(1, 3), ElementsAre("host_data"));
}

// microsoft/TEE-Attestation-Verification 140 and 145: a root whose key and name are right and whose
// own signature is not.
TEST(Field, ARootThatTheCallerBringsMustHaveSignedItself) {
  for (const std::size_t from_the_end : {1U, 512U}) {
    Scene scene(Product::genoa);
    Bytes der = scene.root.der();
    der[der.size() - from_the_end] ^= 1U;
    const Certificate root = Certificate::from_der(der).value();
    scene.certificates[2] = root;
    scene.anchors = TrustAnchors();
    ASSERT_TRUE(scene.anchors.add(root));
    EXPECT_THAT(failures(scene.verify()), ElementsAre("root"));
  }
}

// --- Revocation (more in revocation_test.cpp) --------------------------------------------------

RevocationListContent list_of(const Scene& scene) {
  return {.issuer_der = scene.root.subject_der(),
          .this_update = scene.at - std::chrono::days(1),
          .next_update = scene.at + std::chrono::days(1),
          .number = 7,
          .entries = {},
          .indirect = false,
          .extensions = {}};
}

KnownList issued(const RevocationListContent& content) {
  return KnownList(crypto::issue_revocation_list(content, crypto::test_rsa_key("ark")).value(),
                   SigningKey::vcek);
}

// akash-network/console 3381: a revoked ASK read as valid.
TEST(Field, AGenuineReportUnderARevokedAskIsNotGenuine) {
  Scene scene(Product::milan);
  auto content = list_of(scene);
  content.entries = {{scene.certificates[1].serial(), {}}};
  scene.expectations.revocation.lists = {issued(content)};
  EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
}

// edgelesssys/contrast 836 and 1050, google/go-sev-guest 191, edgelesssys/contrast 2553: what was
// kept, or is served again, counts as long as it is fresh and no newer one is known.
TEST(Field, AKeptListCountsUntilItsNextUpdateAndNeverAfterANewerOne) {
  Scene scene(Product::milan);
  auto& revocation = scene.expectations.revocation;
  revocation.lists = {issued(list_of(scene))};
  EXPECT_EQ(scene.verify().check(CheckId::revocation).state, CheckState::passed);
  revocation.known_number = Bytes{8};
  EXPECT_EQ(scene.verify().check(CheckId::revocation).state, CheckState::failed);
  revocation.known_number.reset();
  scene.at += std::chrono::days(2);
  EXPECT_EQ(scene.verify().check(CheckId::revocation).state, CheckState::failed);
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
}

// google/go-sev-guest 154, edgelesssys/contrast 64: a list that the caller brought went unchecked.
TEST(Field, AListThatTheCallerBringsIsCheckedLikeAServedOne) {
  for (const bool served : {false, true}) {
    Scene scene(Product::milan);
    auto content = list_of(scene);
    content.entries = {{{9, 9, 9}, {}}};
    const KnownList forged(
        crypto::issue_revocation_list(content, crypto::test_rsa_key("ask")).value());
    auto& revocation = scene.expectations.revocation;
    (served ? revocation.served_lists : revocation.lists) = {forged};
    EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
  }
}

// --- Parsers that break ------------------------------------------------------------------------

// Dstack-TEE/dstack 1279: an empty report ended the process.
TEST(Field, NothingShortOfAReportIsAReport) {
  for (const std::size_t size : {0U, 1U, 4U, 392U, 393U, 1183U}) {
    EXPECT_FALSE(Report::parse(Bytes(size, 5))) << size;
  }
}

// Dstack-TEE/dstack 1248
TEST(Field, AMebibyteOfEntriesOverTheSameBytesIsRefusedUnread) {
  constexpr std::size_t size = 1U << 20U;
  constexpr std::uint32_t count = (size / 2) / sizeof(guids::Entry);
  ByteBuilder builder(size);
  for (std::uint32_t i = 0; i < count; ++i) {
    guids::Entry entry;
    entry.guid[0] = 0xAA;
    entry.guid[1] = static_cast<std::uint8_t>(i);
    entry.guid[2] = static_cast<std::uint8_t>(i >> 8U);
    entry.offset = size / 2 + 24;
    entry.length = size / 2 - 24;
    builder.object(entry);
  }
  builder.zeros(size - builder.size());
  const auto table = CertificateTable::parse(builder.view());
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, HasSubstr("more than 64 entries"));
}

// virtee/sev 376
TEST(Field, ACertificateShorterThanItsHeadIsAnError) {
  const Bytes der = test::Authority(Product::milan).ark().der();
  for (std::size_t size = 1; size < 40; ++size) {
    CertificateTableBuilder builder;
    ASSERT_TRUE(builder.add(guids::guid_vcek, ByteView(der).first(size)));
    EXPECT_FALSE(certificates_of(CertificateTable::parse(builder.build()).value())) << size;
  }
}

// virtee/snpguest 113, kata-containers/kata-containers 12732, google/go-sev-guest 155 and 160
TEST(Field, ReservedBytesThatFirmwareBeginsToUseDoNotBreakAReport) {
  Scene scene(Product::milan);
  scene.fields.reserved_04c = 0xFFFFFFFF;
  scene.fields.reserved_18b.fill(0xAB);
  scene.fields.reserved_208.fill(0xCD);
  scene.fields.launch_mit_vector = 7;
  scene.fields.current_version.reserved = 1;
  scene.fields.key_info = 0xFFFFFFE0;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
}

// virtee/sev 378
TEST(Field, UnknownBitsOfPolicyAndPlatformInfoAreNoParseError) {
  Scene scene(Product::genoa);
  scene.fields.policy = ~0ULL;
  scene.fields.platform_info = ~0ULL;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

// confidential-dot-ai/attestation-rs 32, agentrust-io/cmcp 412, virtee/sev 312 and 366,
// veraison/services 381, google/go-tpm-tools 527, Freax13/mushroom 134: each version broke
// somebody's parser.
TEST(Field, EachVersionIsTakenTheNextOneToo) {
  for (const std::uint32_t version : {2U, 3U, 4U, 5U, 6U}) {
    Scene scene(Product::milan);
    scene.fields.version = version;
    scene.fields.cpuid_family = 0x19;
    scene.fields.cpuid_model = 0x01;
    EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
  }
}

// virtee/snpguest 18, 22, 38 and 66
TEST(Field, AHardwareIdIsReadRawAndNestedAndNothingElsePanics) {
  for (const Product product : {Product::milan, Product::turin}) {
    Scene scene(product);
    scene.replace_vcek([&](CertificateContent& content) {
      test::extension(content, oid::hwid) = test::octets(test::chip_id(product));
    });
    EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
    scene.replace_vcek(
        [&](CertificateContent& content) { test::extension(content, oid::hwid) = Bytes{0x04}; });
    EXPECT_THAT(failures(scene.verify()), ElementsAre("leaf"));
  }
}

// virtee/snpguest 57: AMD's deviations, each of them.
TEST(Field, SerialZeroTheExplicitTrailerFieldAndBareLeavesAreTolerated) {
  Scene scene(Product::milan);
  EXPECT_EQ(scene.certificates[0].serial(), Bytes{0});
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
  scene.replace_vcek([](CertificateContent& content) { content.explicit_trailer_field = false; });
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

}  // namespace
}  // namespace extreq::attestation
