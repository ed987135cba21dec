#include "attestation/verification.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/kds.hpp"
#include "attestation/model_mark.hpp"
#include "attestation/test_scene.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;
using crypto::CertificateContent;
using test::Authority;
using test::failures;
using test::names;
using test::Scene;
using testing::HasSubstr;

TEST(Verify, AGenuineReportOfEachProductPassesWithItsVcek) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    const Verification verification = Scene(product).verify();
    EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
    EXPECT_EQ(verification.product, product);
    EXPECT_EQ(verification.signing_key, SigningKey::vcek);
    EXPECT_THAT(
        names(verification, CheckState::not_done),
        testing::ElementsAre("revocation", "runtime_data", "report_data", "vmpl", "guest_policy",
                             "platform_info", "minimum_tcb", "minimum_version",
                             "committed_firmware", "mitigations", "measurement", "host_data",
                             "identity", "platform", "id_block", "certificate_table"));
  }
}

TEST(Verify, AGenuineReportPassesWithItsVlek) {
  for (const Product product : {Product::milan, Product::turin}) {
    Scene scene(product);
    scene.use_vlek();
    const Verification verification = scene.verify();
    EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
    EXPECT_EQ(verification.signing_key, SigningKey::vlek);
    EXPECT_EQ(verification.check(CheckId::chip_id).state, CheckState::not_done);
    EXPECT_THAT(verification.check(CheckId::leaf).why, HasSubstr("provider \"provider\""));
  }
}

TEST(Verify, ListsEveryCheckOnceAndInOrder) {
  const Verification verification = Scene(Product::milan).verify();
  ASSERT_EQ(verification.checks.size(), check_count);
  for (std::size_t i = 0; i < check_count; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(verification.checks[i].id), i);
    EXPECT_FALSE(verification.checks[i].why.empty());
  }
}

TEST(Verify, AMaskedChipKeyIsNeverGenuine) {
  Scene scene(Product::milan);
  scene.fields.key_info = abi::snp::key_info::mask_chip_key;
  EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("signing_key"));
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
}

TEST(Verify, AReportSignedWithNoKeyOrAnUnknownOneIsNeverGenuine) {
  for (std::uint32_t key = 2; key <= 7; ++key) {
    Scene scene(Product::milan);
    scene.fields.key_info = key << abi::snp::key_info::signing_key_shift;
    const Verification verification = scene.verify();
    EXPECT_EQ(verification.verdict, Verdict::not_genuine) << key;
    EXPECT_THAT(failures(verification), testing::ElementsAre("signing_key", "leaf"));
  }
}

TEST(Verify, AnUntrustedRootIsTheOnlyFailureAndSaysWhose) {
  Scene scene(Product::milan);
  scene.anchors = TrustAnchors();
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::not_genuine);
  EXPECT_THAT(failures(verification), testing::ElementsAre("root_trusted"));
}

TEST(Verify, AModelsReportIsRefusedByDefaultAndNamedWhenTrusted) {
  Scene scene(Product::genoa);
  scene.authority = Authority(Product::genoa, std::string(model_organization),
                              std::string(model_common_name_mark));
  scene.root = scene.authority.ark();
  scene.certificates = {
      scene.authority.vcek(test::tcb(Product::genoa), test::chip_id(Product::genoa)),
      scene.authority.ask(), scene.root};
  scene.anchors = TrustAnchors();
  EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("root_trusted"));
  EXPECT_TRUE(scene.verify().model);
  ASSERT_TRUE(scene.anchors.add(scene.root));
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::genuine);
  EXPECT_TRUE(verification.model);
  EXPECT_THAT(summary(verification), HasSubstr("software model"));
}

TEST(Verify, WithoutTheLeafNothingIsGenuine) {
  Scene scene(Product::milan);
  scene.certificates.erase(scene.certificates.begin());
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::not_genuine);
  EXPECT_THAT(verification.check(CheckId::leaf).why, HasSubstr("no VCEK among the 2"));
  EXPECT_EQ(verification.check(CheckId::signature).state, CheckState::not_done);
}

TEST(Verify, WithoutTheIntermediateNothingIsGenuine) {
  Scene scene(Product::milan);
  scene.certificates.erase(scene.certificates.begin() + 1);
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::not_genuine);
  EXPECT_THAT(failures(verification), testing::ElementsAre("intermediate", "leaf"));
}

TEST(Verify, WithoutTheRootItIsTakenFromTheAnchors) {
  Scene scene(Product::milan);
  scene.certificates.pop_back();
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

TEST(Verify, AVlekSignedReportDoesNotPassWithAVcek) {
  Scene scene(Product::milan);
  scene.fields.key_info = abi::snp::key_info::signing_key_vlek
                          << abi::snp::key_info::signing_key_shift;
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
  const Report report = Report::parse(test::sign(scene.fields)).value();
  const Endorsement endorsement =
      Endorsement::find(SigningKey::vcek, scene.certificates, scene.anchors);
  EXPECT_THAT(failures(verify(report, endorsement, scene.at, {})),
              testing::ElementsAre("signing_key"));
}

TEST(Verify, AVcekThatTheAsvkIssuedIsRefused) {
  Scene scene(Product::milan);
  // A real VLEK chain, whose ASVK signed something that calls itself a VCEK.
  const Certificate crossed =
      scene.authority.vlek(test::tcb(Product::milan), "provider", [](CertificateContent& content) {
        content.subject.common_name = "SEV-VCEK";
        content.extensions.push_back(
            {std::string(abi::kds::oid::hwid), false, test::chip_id(Product::milan)});
      });
  scene.certificates = {crossed, scene.authority.asvk(), scene.root};
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::not_genuine);
  EXPECT_EQ(verification.check(CheckId::leaf).state, CheckState::failed);
}

TEST(Verify, CertificatesMustBeValidAtTheMoment) {
  Scene scene(Product::milan);
  const auto& leaf = scene.certificates.front();
  for (const auto& [at, good] : {std::pair{leaf.not_before(), true},
                                 {leaf.not_before() - std::chrono::seconds(1), false},
                                 {leaf.not_after(), true},
                                 {leaf.not_after() + std::chrono::seconds(1), false}}) {
    scene.at = at;
    EXPECT_EQ(scene.verify().verdict, good ? Verdict::genuine : Verdict::not_genuine);
    if (!good) {
      EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("validity"));
    }
  }
}

TEST(Verify, AnExpiredAuthorityCountsAsMuchAsAnExpiredLeaf) {
  Scene scene(Product::milan);
  const test::Change expired = [](CertificateContent& content) {
    content.not_after = test::now() - std::chrono::seconds(1);
  };
  scene.certificates[1] = scene.authority.ask(expired);
  EXPECT_THAT(scene.verify().check(CheckId::validity).why, HasSubstr("\"SEV-Milan\" is valid"));
  Scene other(Product::milan);
  other.certificates[2] = other.authority.ark(expired);
  other.anchors = TrustAnchors();
  ASSERT_TRUE(other.anchors.add(other.certificates[2]));
  EXPECT_THAT(failures(other.verify()), testing::ElementsAre("validity"));
}

TEST(Verify, ALeafOfAnotherProductThanItsChainIsRefused) {
  Scene scene(Product::genoa);
  scene.replace_vcek([](CertificateContent& content) {
    test::extension(content, abi::kds::oid::product_name) = test::ia5("Milan-B0");
  });
  EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("product"));
  // A report of version 2 names no processor: chain and leaf alone differ.
  Scene unnamed(Product::milan);
  ASSERT_LT(unnamed.fields.version, 3U);
  unnamed.replace_vcek([](CertificateContent& content) {
    test::extension(content, abi::kds::oid::product_name) = test::ia5("Genoa");
  });
  EXPECT_THAT(failures(unnamed.verify()), testing::ElementsAre("product"));
}

TEST(Verify, ACpuidOfAnotherProductIsRefused) {
  Scene scene(Product::genoa);
  scene.fields.cpuid_model = 0x01;
  EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("product"));
  scene.fields.cpuid_model = 0xA0;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
  scene.fields.cpuid_family = 0x17;
  EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("product"));
}

TEST(Verify, AnotherSignatureAlgorithmIsRefused) {
  for (const std::uint32_t algorithm : {0U, 2U, 0x10001U}) {
    Scene scene(Product::milan);
    scene.fields.signature_algo = algorithm;
    EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("signature_algorithm"));
  }
}

TEST(Verify, EachComponentOfTheReportedTcbMustEqualTheCertificates) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    for (const TcbField& field : tcb_fields(layout_of(product))) {
      for (const int step : {-1, 1}) {
        Scene scene(product);
        Tcb tcb = test::tcb(product);
        field.set(tcb, static_cast<std::uint8_t>(field.get(tcb) + step));
        scene.fields.reported_tcb = encode_tcb(tcb);
        const Verification verification = scene.verify();
        EXPECT_THAT(failures(verification), testing::ElementsAre("reported_tcb"));
        EXPECT_THAT(verification.check(CheckId::reported_tcb).why,
                    HasSubstr(fmt::format("{} {} in the report", field.name, field.get(tcb))));
      }
    }
  }
}

TEST(Verify, OnlyTheReportedTcbIsComparedWithTheCertificate) {
  Scene scene(Product::milan);
  scene.fields.current_tcb = 0x0102;
  scene.fields.committed_tcb = 0x0103;
  scene.fields.launch_tcb = 0x0104;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
}

TEST(Verify, AReservedByteOfTheReportedTcbIsRefused) {
  Scene scene(Product::milan);
  scene.fields.reported_tcb = encode_tcb(test::tcb(Product::milan)) | 1ULL << 16;
  EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("reported_tcb"));
}

TEST(Verify, EachByteOfTheChipIdMustEqualTheCertificates) {
  for (const Product product : {Product::milan, Product::turin}) {
    for (std::size_t i = 0; i < 64; i += product == Product::turin ? 7 : 21) {
      Scene scene(product);
      scene.fields.chip_id.at(i) ^= 1U;
      EXPECT_THAT(failures(scene.verify()), testing::ElementsAre("chip_id")) << i;
    }
  }
}

TEST(Verify, AMaskedChipIdIsSaidAndNotCompared) {
  Scene scene(Product::milan);
  scene.fields.chip_id = {};
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::genuine);
  EXPECT_EQ(verification.check(CheckId::chip_id).state, CheckState::not_done);
  EXPECT_THAT(verification.check(CheckId::chip_id).why, HasSubstr("masks it"));
}

TEST(Verify, AVcekWithoutHwidAndAVlekWithoutProviderAreRefused) {
  Scene vcek(Product::milan);
  vcek.replace_vcek(
      [](CertificateContent& content) { test::remove_extension(content, abi::kds::oid::hwid); });
  EXPECT_THAT(vcek.verify().check(CheckId::leaf).why, HasSubstr("no hwID"));
  Scene vlek(Product::milan);
  vlek.use_vlek();
  vlek.certificates[0] = vlek.authority.vlek(
      test::tcb(Product::milan), "x",
      [](CertificateContent& content) { test::remove_extension(content, abi::kds::oid::csp_id); });
  EXPECT_THAT(vlek.verify().check(CheckId::leaf).why, HasSubstr("no cspID"));
  EXPECT_EQ(vlek.verify().verdict, Verdict::not_genuine);
}

TEST(Verify, ALeafThatIsACaOrHasAnotherKeyIsRefused) {
  Scene scene(Product::milan);
  scene.replace_vcek(
      [](CertificateContent& content) { content.authority = crypto::CertificateAuthority{}; });
  EXPECT_THAT(scene.verify().check(CheckId::leaf).why, HasSubstr("is a CA"));
  scene.replace_vcek([&](CertificateContent& content) {
    content.subject_key = scene.root.rsa_4096_key().value();
  });
  EXPECT_EQ(scene.verify().check(CheckId::leaf).state, CheckState::failed);
}

TEST(Verify, ReportDataIsAnAcceptanceCheck) {
  Scene scene(Product::milan);
  scene.expectations.report_data = scene.fields.report_data;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
  EXPECT_EQ(scene.verify().check(CheckId::report_data).state, CheckState::passed);
  for (const std::size_t i : {0U, 31U, 63U}) {
    Scene other(Product::milan);
    other.expectations.report_data = other.fields.report_data;
    other.expectations.report_data->at(i) ^= 0x10U;
    const Verification verification = other.verify();
    EXPECT_EQ(verification.verdict, Verdict::not_acceptable) << i;
    EXPECT_THAT(failures(verification), testing::ElementsAre("report_data"));
  }
}

TEST(Verify, NotGenuineGoesBeforeNotAcceptable) {
  Scene scene(Product::milan);
  scene.expectations.report_data = abi::ByteArray<64>{};
  scene.anchors = TrustAnchors();
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
}

TEST(Verify, OneEndorsementServesManyReportsAndMoments) {
  Scene scene(Product::turin);
  const Endorsement endorsement =
      Endorsement::find(SigningKey::vcek, scene.certificates, scene.anchors);
  for (std::uint8_t i = 0; i < 5; ++i) {
    scene.fields.report_data.fill(i);
    const Report report = Report::parse(test::sign(scene.fields)).value();
    EXPECT_EQ(verify(report, endorsement, scene.at, {scene.fields.report_data}).verdict,
              Verdict::genuine);
    EXPECT_THAT(failures(verify(report, endorsement, scene.at + std::chrono::years(2), {})),
                testing::ElementsAre("validity"));
  }
}

TEST(Verify, AReportOfALaterVersionIsGenuineAndSaidToBeLater) {
  Scene scene(Product::turin);
  scene.fields.version = 6;
  const Verification verification = scene.verify();
  EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
  EXPECT_THAT(verification.check(CheckId::signature).why, HasSubstr("later than 5"));
}

TEST(Verify, WithoutExplanationsTheChecksAreTheSameAndOnlyFailuresHaveWords) {
  Policy policy;
  policy.waive_report_data = true;
  policy.vmpls = {0};
  policy.minimum_guest_svn = 0xFFFFFFFF;
  for (const bool damaged : {false, true}) {
    for (const bool asks : {false, true}) {
      Scene scene(Product::milan);
      if (damaged) scene.fields.chip_id[0] ^= 1U;
      const auto report = Report::parse(test::sign(scene.fields)).value();
      const auto endorsement =
          Endorsement::find(report.signing_key(), scene.certificates, scene.anchors);
      Expectations terse;
      if (asks) terse.policy = std::make_shared<const Policy>(policy);
      const Verification full = verify(report, endorsement, scene.at, terse);
      terse.explain_all = false;
      const Verification found = verify(report, endorsement, scene.at, terse);
      EXPECT_EQ(summary(found), summary(full));
      EXPECT_EQ(failures(full).size(), (damaged ? 1U : 0U) + (asks ? 1U : 0U)) << summary(full);
      ASSERT_EQ(found.checks.size(), check_count);
      for (std::size_t i = 0; i < check_count; ++i) {
        EXPECT_EQ(found.checks[i].id, static_cast<CheckId>(i));
        EXPECT_EQ(found.checks[i].state, full.checks[i].state);
        const bool failed = full.checks[i].state == CheckState::failed;
        EXPECT_EQ(found.checks[i].why, failed ? full.checks[i].why : "");
        EXPECT_NE(full.checks[i].why, "");
      }
    }
  }
}

TEST(Summary, SaysTheVerdictWhatFailedAndWhatWasNotChecked) {
  // Nothing was asked, so every check of acceptance is left out, and each is named.
  const std::string not_checked =
      "; not checked: revocation, runtime_data, report_data, vmpl, guest_policy, platform_info, "
      "minimum_tcb, "
      "minimum_version, committed_firmware, mitigations, measurement, host_data, identity, "
      "platform, id_block, certificate_table";
  Scene scene(Product::milan);
  EXPECT_EQ(summary(scene.verify()),
            "genuine: signed by a VCEK under the root \"ARK-Milan\"" + not_checked);
  scene.fields.chip_id[0] ^= 1U;
  EXPECT_EQ(summary(scene.verify()), "not genuine; failed: chip_id" + not_checked);
}

TEST(CertificatesOf, TakesTheCertificatesOfATableAndNothingElse) {
  namespace guids = abi::ghcb::certificate_table;
  const Scene scene(Product::milan);
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(guids::guid_ark, scene.root.der()));
  ASSERT_TRUE(builder.add(guids::guid_crl, Bytes{1, 2, 3}));
  Guid unknown{};
  unknown.fill(0x77);
  ASSERT_TRUE(builder.add(unknown, Bytes{4}));
  ASSERT_TRUE(builder.add(guids::guid_vcek, scene.certificates[0].der()));
  ASSERT_TRUE(builder.add(guids::guid_ask, scene.certificates[1].der()));
  const auto table = CertificateTable::parse(builder.build()).value();
  const auto certificates = certificates_of(table);
  ASSERT_TRUE(certificates) << certificates.error().message;
  EXPECT_EQ(*certificates, scene.certificates);
}

TEST(CertificatesOf, NamesTheEntryThatIsNoCertificate) {
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(abi::ghcb::certificate_table::guid_ask, Bytes{1, 2, 3}));
  const auto certificates = certificates_of(CertificateTable::parse(builder.build()).value());
  ASSERT_FALSE(certificates);
  EXPECT_EQ(certificates.error().code, Code::invalid_input);
  EXPECT_THAT(certificates.error().message, HasSubstr("ASK or ASVK"));
}

}  // namespace
}  // namespace extreq::attestation
