#include "attestation/verifier.hpp"

#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_scene.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;
using test::Scene;

void expect_same(const Verification& ours, const Verification& judge) {
  EXPECT_EQ(ours.verdict, judge.verdict);
  EXPECT_EQ(summary(ours), summary(judge));
  ASSERT_EQ(ours.checks.size(), judge.checks.size());
  for (std::size_t i = 0; i < ours.checks.size(); ++i) {
    EXPECT_EQ(ours.checks[i].id, judge.checks[i].id);
    EXPECT_EQ(ours.checks[i].state, judge.checks[i].state) << judge.checks[i].why;
    EXPECT_EQ(ours.checks[i].why, judge.checks[i].why);
  }
  EXPECT_EQ(ours.signing_key, judge.signing_key);
  EXPECT_EQ(ours.product, judge.product);
  EXPECT_EQ(ours.root, judge.root);
  EXPECT_EQ(ours.trust, judge.trust);
  EXPECT_EQ(ours.model, judge.model);
}

Bytes table_of(const std::vector<Certificate>& certificates) {
  namespace guids = abi::ghcb::certificate_table;
  CertificateTableBuilder table;
  const std::array order{guids::guid_vcek, guids::guid_ask, guids::guid_ark};
  for (std::size_t i = 0; i < certificates.size() && i < order.size(); ++i) {
    EXPECT_TRUE(table.add(order.at(i), certificates[i].der()));
  }
  return table.build();
}

TEST(Verifier, KeepsWhatItVerifiedAndSaysTheSameAgain) {
  const Scene scene(Product::genoa);
  const Verifier verifier(scene.anchors);
  const auto report = Report::parse(test::sign(scene.fields)).value();
  const auto table = table_of({scene.certificates[0], scene.certificates[1], scene.root});
  const auto judge = scene.verify();
  ASSERT_EQ(judge.verdict, Verdict::genuine) << summary(judge);
  for (int i = 0; i < 3; ++i) {
    expect_same(verifier.verify(report, scene.certificates, scene.at, scene.expectations), judge);
    const auto by_table = verifier.verify(report, table, scene.at, scene.expectations);
    ASSERT_TRUE(by_table);
    expect_same(*by_table, judge);
  }
  EXPECT_EQ(verifier.kept().endorsements, 2U);  // the list, and the table
  EXPECT_EQ(verifier.kept().chains, 1U);
}

TEST(Verifier, AsksForTheMomentEachTime) {
  const Scene scene(Product::turin);
  const Verifier verifier(scene.anchors);
  const auto report = Report::parse(test::sign(scene.fields)).value();
  EXPECT_EQ(verifier.verify(report, scene.certificates, scene.at, {}).verdict, Verdict::genuine);
  const auto late = scene.at + std::chrono::years(100);
  EXPECT_EQ(verifier.verify(report, scene.certificates, late, {}).verdict, Verdict::not_genuine);
}

TEST(Verifier, DoesNotKeepWhatFailed) {
  Scene scene(Product::milan);
  scene.replace_vcek([](auto& content) { content.serial = 77; });
  const Verifier verifier(TrustAnchors{});  // the scene's root is not trusted
  const auto report = Report::parse(test::sign(scene.fields)).value();
  EXPECT_EQ(verifier.verify(report, scene.certificates, scene.at, {}).verdict,
            Verdict::not_genuine);
  EXPECT_EQ(verifier.verify(report, std::vector<Certificate>(), scene.at, {}).verdict,
            Verdict::not_genuine);
  EXPECT_EQ(verifier.kept().endorsements, 0U);
  EXPECT_EQ(verifier.kept().chains, 0U);
}

TEST(Verifier, ATableThatIsNoneIsRefusedAsByTheParser) {
  const Scene scene(Product::milan);
  const Verifier verifier(scene.anchors);
  const Bytes junk(40, 0xA5);
  const auto found = verifier.endorsement(SigningKey::vcek, junk);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, CertificateTable::parse(junk).error().message);
}

// A list of the scene's root in the scene's table, with the ASK on it or not.
Bytes table_with_list(const Scene& scene, bool with_ask, std::string_view signer = "ark") {
  crypto::RevocationListContent content{.issuer_der = scene.root.subject_der(),
                                        .this_update = scene.at - std::chrono::days(1),
                                        .next_update = scene.at + std::chrono::days(1),
                                        .number = 7,
                                        .entries = {},
                                        .indirect = false,
                                        .extensions = {}};
  if (with_ask) content.entries = {{scene.certificates[1].serial(), {}}};
  const auto list = crypto::issue_revocation_list(content, crypto::test_rsa_key(signer)).value();
  namespace guids = abi::ghcb::certificate_table;
  CertificateTableBuilder table;
  EXPECT_TRUE(table.add(guids::guid_vcek, scene.certificates[0].der()));
  EXPECT_TRUE(table.add(guids::guid_ask, scene.certificates[1].der()));
  EXPECT_TRUE(table.add(guids::guid_ark, scene.root.der()));
  EXPECT_TRUE(table.add(guids::guid_crl, list.der()));
  return table.build();
}

TEST(Verifier, AsksTheListOfATableEachTimeAndKeepsItOnce) {
  Scene scene(Product::genoa);
  scene.expectations.revocation.mode = RevocationMode::required;
  const Verifier verifier(scene.anchors);
  const auto report = Report::parse(test::sign(scene.fields)).value();
  const auto failed = [&](const Bytes& table) {
    return test::failures(verifier.verify(report, table, scene.at, scene.expectations).value());
  };
  const auto clean = table_with_list(scene, false);
  const auto with_ask = table_with_list(scene, true);
  const auto forged = table_with_list(scene, false, "ask");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(failed(clean), testing::ElementsAre("revocation")) << "it satisfies nothing";
    EXPECT_THAT(failed(with_ask), testing::ElementsAre("revocation"));
    EXPECT_THAT(failed(forged), testing::ElementsAre("revocation"));
    EXPECT_THAT(failed(table_of(scene.certificates)), testing::ElementsAre("revocation"));
  }
  EXPECT_EQ(verifier.kept().lists, 2U) << "both that the root signed, once each";
  scene.expectations.revocation.mode = RevocationMode::if_present;
  EXPECT_THAT(failed(clean), testing::IsEmpty());
  EXPECT_THAT(failed(with_ask), testing::ElementsAre("revocation"));
  EXPECT_THAT(failed(forged), testing::ElementsAre("revocation"));
}

TEST(Verifier, HoldsTheTableOfEachReportAgainstThePolicy) {
  Scene scene(Product::genoa);
  const Verifier verifier(scene.anchors);
  const auto report = Report::parse(test::sign(scene.fields)).value();
  Policy policy;
  policy.waive_report_data = true;
  policy.table_rules = {{abi::ghcb::certificate_table::guid_crl, Presence::forbid, {}}};
  scene.expectations.policy = std::make_shared<const Policy>(policy);
  scene.expectations.revocation.mode = RevocationMode::off;
  const auto verdict = [&](const Bytes& table) {
    return verifier.verify(report, table, scene.at, scene.expectations).value().verdict;
  };
  EXPECT_EQ(verdict(table_of(scene.certificates)), Verdict::genuine);
  EXPECT_EQ(verdict(table_with_list(scene, false)), Verdict::not_acceptable);
}

TEST(Verifier, KeepsNoMoreThanItsLimit) {
  Scene scene(Product::genoa);
  const Verifier verifier(scene.anchors, {.endorsements = 2, .chains = 1});
  const auto report = Report::parse(test::sign(scene.fields)).value();
  for (std::uint64_t serial = 1; serial <= 4; ++serial) {
    scene.replace_vcek([&](auto& content) { content.serial = serial; });
    EXPECT_EQ(verifier.verify(report, scene.certificates, scene.at, {}).verdict, Verdict::genuine);
  }
  EXPECT_EQ(verifier.kept().endorsements, 2U);
}

TEST(BoundedCache, LetsGoOfWhatWasNotAskedForLongest) {
  BoundedCache<int> cache(2);
  const auto key = [](std::uint8_t n) {
    crypto::Sha256Digest digest{};
    digest[31] = n;
    return digest;
  };
  cache.insert(key(1), std::make_shared<const int>(1));
  cache.insert(key(2), std::make_shared<const int>(2));
  EXPECT_EQ(*cache.insert(key(1), std::make_shared<const int>(9)), 1);  // the first one stays
  EXPECT_EQ(*cache.find(key(1)), 1);
  cache.insert(key(3), std::make_shared<const int>(3));
  EXPECT_EQ(cache.find(key(2)), nullptr);
  EXPECT_EQ(*cache.find(key(1)), 1);
  EXPECT_EQ(*cache.find(key(3)), 3);
}

// One verifier, all its life: report, moment, certificates and their order at random, right and
// wrong ones mixed, so that kept and fresh answers alternate.
TEST(Verifier, SaysWhatVerifySaysWhateverComes) {
  std::vector<Scene> scenes;
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    scenes.emplace_back(product);
  }
  TrustAnchors anchors;
  ASSERT_TRUE(anchors.add(scenes[0].root));
  ASSERT_TRUE(anchors.add(scenes[2].root));
  std::vector<Certificate> pool;
  std::vector<Bytes> reports;
  for (Scene& scene : scenes) {
    pool.insert(pool.end(), {scene.certificates[0], scene.certificates[1], scene.root});
    reports.push_back(test::sign(scene.fields));
    scene.fields.report_data[0] = 1;
    reports.push_back(test::sign(scene.fields));
    reports.back()[0x60] ^= 1U;
    scene.use_vlek();
    pool.insert(pool.end(), {scene.certificates[0], scene.certificates[1]});
    reports.push_back(test::sign(scene.fields));
  }
  const Verifier verifier(anchors, {.endorsements = 8, .chains = 2});
  std::mt19937 random(1);
  std::size_t genuine = 0;
  for (int i = 0; i < 150; ++i) {
    std::vector<Certificate> certificates = pool;
    std::ranges::shuffle(certificates, random);
    if (random() % 2 == 0) {
      certificates.erase(certificates.begin() + random() % 15, certificates.end());
    } else if (random() % 2 == 0) {
      certificates = pool;
    }
    const auto report = Report::parse(reports[random() % reports.size()]).value();
    const auto at = test::now() + std::chrono::years(random() % 8 == 0 ? 100 : 0);
    const auto judge = verify({report, certificates, anchors, at, {}});
    genuine += judge.verdict == Verdict::genuine ? 1U : 0U;
    expect_same(verifier.verify(report, certificates, at, {}), judge);
  }
  EXPECT_GT(genuine, 10U);
  EXPECT_LT(genuine, 140U);
}

// The same for tables: SIGNING_KEY, what stands beside the table and the table's list decide
// together.
TEST(Verifier, SaysWhatVerifySaysOfTablesToo) {
  namespace guids = abi::ghcb::certificate_table;
  Scene scene(Product::genoa);
  std::vector<Report> reports{Report::parse(test::sign(scene.fields)).value()};
  const auto vcek = scene.certificates;
  scene.use_vlek();
  reports.push_back(Report::parse(test::sign(scene.fields)).value());
  const auto vlek = scene.certificates;
  std::vector<Bytes> tables;
  for (const std::string_view list : {"", "clean", "revoking", "forged"}) {
    CertificateTableBuilder table;
    ASSERT_TRUE(table.add(guids::guid_vcek, vcek[0].der()));
    ASSERT_TRUE(table.add(guids::guid_vlek, vlek[0].der()));
    ASSERT_TRUE(table.add(guids::guid_ark, scene.root.der()));
    if (!list.empty()) {
      const auto with = CertificateTable::parse(table_with_list(
          scene, list == "revoking", list == "forged" ? std::string_view("ask") : "ark"));
      ASSERT_TRUE(table.add(guids::guid_crl, *with.value().find(guids::guid_crl)));
    }
    tables.push_back(table.build());
  }
  const std::vector<std::vector<Certificate>> beside{
      {}, {vcek[1]}, {vlek[1]}, {vcek[1], vlek[1]}, {vlek[1], vcek[1]}};
  const Verifier verifier(scene.anchors);
  std::size_t genuine = 0;
  for (int i = 0; i < 2; ++i) {
    for (const Bytes& bytes : tables) {
      const auto table = CertificateTable::parse(bytes).value();
      const auto all = with_table(Expectations(), table).value();
      for (const auto& more : beside) {
        for (const Report& report : reports) {
          auto certificates = more;
          const auto served = certificates_of(table).value();
          certificates.insert(certificates.end(), served.begin(), served.end());
          const auto judge = verify({report, certificates, scene.anchors, scene.at, all});
          const auto found = verifier.endorsement(report.signing_key(), bytes, more).value();
          const auto expected = verifier.with_table(Expectations(), bytes, *found).value();
          expect_same(verify(report, *found, scene.at, expected), judge);
          genuine += judge.verdict == Verdict::genuine ? 1U : 0U;
        }
      }
    }
  }
  EXPECT_EQ(genuine, 2U * 2U * 6U) << "two of the lists, six of the ways to find a chain";
}

TEST(Verifier, ServesManyThreads) {
  const Scene scene(Product::genoa);
  const Verifier verifier(scene.anchors, {.endorsements = 1, .chains = 1});
  const Bytes good = test::sign(scene.fields);
  std::vector<std::thread> threads;
  std::atomic<int> genuine = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 8; ++i) {
        Bytes bytes = good;
        if (thread % 2 == 1) bytes[0x50] ^= 0xFFU;
        const auto report = Report::parse(bytes).value();
        const auto verdict = verifier.verify(report, scene.certificates, scene.at, {}).verdict;
        genuine += verdict == Verdict::genuine ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(genuine, 16);
}

TEST(SignatureQuestion, AnsweredOutsideGivesTheSameVerification) {
  for (const bool damaged : {false, true}) {
    const Scene scene(Product::turin);
    Bytes bytes = test::sign(scene.fields);
    if (damaged) bytes[0x50] ^= 1U;
    const auto report = Report::parse(bytes).value();
    const Verifier verifier(scene.anchors);
    const auto endorsement = verifier.endorsement(report.signing_key(), scene.certificates);
    const auto question = signature_question(report, *endorsement);
    ASSERT_TRUE(question);
    const bool fits =
        question->key->verify_digest(crypto::sha384(question->message), question->signature);
    EXPECT_EQ(fits, !damaged);
    expect_same(verify(report, *endorsement, scene.at, {}, fits),
                verify(report, *endorsement, scene.at, {}));
  }
}

}  // namespace
}  // namespace extreq::attestation
