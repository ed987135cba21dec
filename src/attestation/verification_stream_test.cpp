#include "attestation/verification_stream.hpp"

#include <gtest/gtest.h>

#include "attestation/signature_batch.hpp"
#include "attestation/test_scene.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::attestation {
namespace {

using test::Scene;

// Reports of three products, every third one damaged, and two that are none.
std::vector<Bytes> mixed_reports(std::vector<Scene>& scenes) {
  std::vector<Bytes> reports;
  for (std::uint8_t i = 0; i < 60; ++i) {
    Scene& scene = scenes.at(i % scenes.size());
    scene.fields.report_data[0] = i;
    reports.push_back(test::sign(scene.fields));
    if (i % 5 == 2) reports.back()[0x50] ^= 0xFFU;
  }
  reports.insert(reports.begin() + 7, Bytes(3));
  reports.push_back(Bytes(Report::size));
  return reports;
}

struct Fleet {
  Fleet() {
    for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
      scenes.emplace_back(product);
      EXPECT_TRUE(anchors.add(scenes.back().root));
      const auto& made = scenes.back().certificates;
      certificates.insert(certificates.end(), made.begin(), made.end());
    }
    reports = mixed_reports(scenes);
    index = EndorsementIndex(certificates, anchors);
  }

  // What verify() says of each report: "refused" for what is no report.
  [[nodiscard]] std::vector<std::string> judged() const {
    std::vector<std::string> answers;
    for (const Bytes& bytes : reports) {
      const auto report = Report::parse(bytes);
      if (!report) {
        answers.push_back(report.error().message);
        continue;
      }
      const auto leaf = index.find(*report);
      answers.push_back(summary(verify(*report, *leaf, test::now(), {})));
    }
    return answers;
  }

  [[nodiscard]] std::vector<std::string> streamed(VerificationStream::Options options) const {
    options.at = test::now();
    const Verifier verifier(anchors);
    std::vector<std::string> answers;
    VerificationStream stream(verifier, index, options, [&](const auto& answer) {
      EXPECT_EQ(answer.number, answers.size());
      answers.push_back(answer.verification ? summary(*answer.verification)
                                            : answer.verification.error().message);
    });
    for (const Bytes& report : reports) stream.submit({Report::parse(report), {}});
    stream.finish();
    return answers;
  }

  std::vector<Scene> scenes;
  TrustAnchors anchors;
  std::vector<crypto::Certificate> certificates;
  EndorsementIndex index;
  std::vector<Bytes> reports;
};

const Fleet& fleet() {
  static const Fleet fleet;
  return fleet;
}

TEST(VerificationStream, SaysWhatVerifySaysInTheOrderOfTheReports) {
  const auto judged = fleet().judged();
  for (const unsigned threads : {1U, 2U, 5U}) {
    for (const std::size_t group : {1U, 8U, 13U, 64U}) {
      VerificationStream::Options options;
      options.threads = threads;
      options.group = group;
      options.waiting = group == 13 ? 13 : 0;
      EXPECT_EQ(fleet().streamed(options), judged) << threads << " threads, groups of " << group;
    }
  }
}

TEST(VerificationStream, AReportThatComesAloneIsAnsweredWhileTheStreamIsOpen) {
  const Verifier verifier(fleet().anchors);
  VerificationStream::Options options;
  options.at = test::now();
  options.threads = 2;
  options.wait = std::chrono::microseconds(1);
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Verdict> verdict;
  VerificationStream stream(verifier, fleet().index, options, [&](const auto& answer) {
    const std::lock_guard lock(mutex);
    verdict = answer.verification.value().verdict;
    answered.notify_one();
  });
  stream.submit({Report::parse(fleet().reports[0]), {}});
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return verdict.has_value(); });
  EXPECT_EQ(verdict, Verdict::genuine);
}

TEST(VerificationStream, TakesCertificatesFromTheTableBesideTheReport) {
  namespace guids = abi::ghcb::certificate_table;
  const Scene scene(Product::genoa);
  CertificateTableBuilder table;
  ASSERT_TRUE(table.add(guids::guid_vcek, scene.certificates[0].der()));
  ASSERT_TRUE(table.add(guids::guid_ask, scene.certificates[1].der()));
  ASSERT_TRUE(table.add(guids::guid_ark, scene.root.der()));
  const Verifier verifier(scene.anchors);
  const EndorsementIndex nothing;
  VerificationStream::Options options;
  options.at = test::now();
  std::vector<std::optional<Verdict>> verdicts;
  VerificationStream stream(verifier, nothing, options, [&](const auto& answer) {
    verdicts.push_back(answer.verification ? std::optional(answer.verification->verdict)
                                           : std::nullopt);
  });
  stream.submit({Report::parse(test::sign(scene.fields)), table.build()});
  stream.submit({Report::parse(test::sign(scene.fields)), Bytes(5, 0xEE)});
  stream.submit({fail(Code::io, "no such luck"), table.build()});
  stream.submit({Report::parse(test::sign(scene.fields)), {}});
  stream.finish();
  EXPECT_EQ(verdicts, (std::vector<std::optional<Verdict>>{Verdict::genuine, {}, {}, {}}));
}

TEST(VerificationStream, ATableIsHeldAgainstThePolicyAndItsRevocationListCounts) {
  namespace guids = abi::ghcb::certificate_table;
  const Scene scene(Product::genoa);
  const auto list = [&](std::vector<crypto::RevocationListContent::Entry> entries) {
    const crypto::RevocationListContent content{.issuer_der = scene.root.subject_der(),
                                                .this_update = scene.at - std::chrono::days(1),
                                                .next_update = scene.at + std::chrono::days(1),
                                                .number = 300,
                                                .entries = std::move(entries),
                                                .indirect = false,
                                                .extensions = {}};
    return crypto::issue_revocation_list(content, crypto::test_rsa_key("ark")).value().der();
  };
  const auto table = [&](const std::optional<Bytes>& crl) {
    CertificateTableBuilder builder;
    EXPECT_TRUE(builder.add(guids::guid_vcek, scene.certificates[0].der()));
    EXPECT_TRUE(builder.add(guids::guid_ask, scene.certificates[1].der()));
    EXPECT_TRUE(builder.add(guids::guid_ark, scene.root.der()));
    if (crl) {
      EXPECT_TRUE(builder.add(guids::guid_crl, *crl));
    }
    return builder.build();
  };
  Policy policy;
  policy.waive_report_data = true;
  policy.table_rules = {{guids::guid_crl, Presence::require, {}}};
  VerificationStream::Options options;
  options.at = scene.at;
  options.expectations.policy = std::make_shared<const Policy>(policy);
  std::vector<std::string> verdicts;
  const Verifier verifier(scene.anchors);
  const EndorsementIndex none;
  VerificationStream stream(verifier, none, options, [&](const auto& answer) {
    verdicts.emplace_back(answer.verification ? to_text(answer.verification->verdict)
                                              : "unreadable");
  });
  stream.submit({Report::parse(test::sign(scene.fields)), table(list({}))});
  stream.submit({Report::parse(test::sign(scene.fields)), table(std::nullopt)});
  stream.submit({Report::parse(test::sign(scene.fields)),
                 table(list({{scene.certificates[1].serial(), {}}}))});
  stream.submit({Report::parse(test::sign(scene.fields)), table(Bytes{1, 2, 3})});
  stream.finish();
  EXPECT_EQ(verdicts, (std::vector<std::string>{"genuine", "genuine, but not acceptable",
                                                "not genuine", "unreadable"}));
}

TEST(VerificationStream, WithoutReportsEnds) {
  const Verifier verifier{TrustAnchors()};
  const EndorsementIndex nothing;
  VerificationStream stream(verifier, nothing, {}, [](const auto&) { FAIL(); });
  stream.finish();
}

TEST(EndorsementIndex, FindsTheLeafOfChipAndTcb) {
  Scene scene(Product::genoa);
  auto certificates = scene.certificates;
  scene.use_vlek();
  certificates.insert(certificates.end(), scene.certificates.begin(), scene.certificates.end());
  const EndorsementIndex index(certificates, scene.anchors);
  EXPECT_EQ(index.size(), 2U);
  auto fields = test::report_fields(Product::genoa);
  const auto found = [&] { return index.find(Report::parse(test::sign(fields)).value()); };
  EXPECT_EQ(found()->role(), Role::vcek);
  fields.chip_id[63] ^= 1U;
  EXPECT_EQ(found(), nullptr);
  fields.key_info = scene.fields.key_info;  // VLEK: whatever the chip
  EXPECT_EQ(found()->role(), Role::vlek);
  fields.reported_tcb = fields.reported_tcb.get() + 1;
  EXPECT_EQ(found(), nullptr);
}

TEST(EndorsementIndex, PrefersTheLeafThatIsGenuine) {
  Scene scene(Product::genoa);
  const Scene other(Product::genoa);
  const auto good = scene.certificates[0];
  scene.replace_vcek([](auto& content) { content.issuer.common_name = "SEV-Nobody"; });
  const auto bad = scene.certificates[0];
  for (const bool good_first : {true, false}) {
    const std::vector<crypto::Certificate> certificates{
        good_first ? good : bad, good_first ? bad : good, scene.certificates[1], scene.root};
    const EndorsementIndex index(certificates, scene.anchors);
    const auto found = index.find(Report::parse(test::sign(scene.fields)).value());
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found->leaf(), good);
  }
}

TEST(VerifySignatures, AnswersEachQuestionForItself) {
  std::vector<Bytes> messages;
  for (std::uint8_t i = 0; i < 21; ++i) messages.emplace_back(i < 12 ? 672 : 10 * i, i);
  std::vector<SignatureQuestion> questions;
  std::vector<bool> expected;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto signature = test::leaf_key().sign_digest(crypto::sha384(messages[i]));
    if (i % 3 == 0) signature.s[47] ^= 1U;
    questions.push_back({&test::leaf_key().public_key(), messages[i], signature});
    expected.push_back(i % 3 != 0);
  }
  const crypto::p384::BatchVerifier verifier;
  for (std::size_t count = 0; count <= questions.size(); ++count) {
    EXPECT_EQ(
        verify_signatures(verifier, std::span(questions).first(count)),
        std::vector<bool>(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(count)));
  }
}

}  // namespace
}  // namespace extreq::attestation
