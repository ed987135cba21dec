// Flip every bit: whatever was signed may not change by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_evidence.hpp"
#include "attestation/verification.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;

struct Evidence {
  Bytes report;
  Bytes leaf;
  std::vector<Certificate> others;  // intermediate and root
  TrustAnchors anchors;
  std::chrono::sys_seconds at;
};

Evidence made_here() {
  const test::Authority authority(Product::genoa);
  const Certificate root = authority.ark();
  Evidence evidence{test::sign(test::report_fields(Product::genoa)),
                    authority.vcek(test::tcb(Product::genoa), test::chip_id(Product::genoa)).der(),
                    {authority.ask(), root},
                    {},
                    test::now()};
  EXPECT_TRUE(evidence.anchors.add(root));
  return evidence;
}

Verdict verdict_of(const Evidence& evidence, ByteView report_bytes,
                   const Endorsement& endorsement) {
  const auto report = Report::parse(report_bytes);
  if (!report) return Verdict::not_genuine;
  return verify(*report, endorsement, evidence.at, {}).verdict;
}

Endorsement endorsement_of(const Evidence& evidence, const Certificate& leaf) {
  return {leaf, Chain::find(leaf, evidence.others, evidence.anchors)};
}

// The first element of the certificate's outer SEQUENCE, header and content: what is signed. Both
// have lengths of two bytes.
std::size_t signed_end(const Bytes& der) { return 4U + 4U + (der.at(6) << 8U | der.at(7)); }

// Where the real evidence of RealMilan is flipped bit by bit, what is made here needs it less.
std::size_t step() { return test::real_data("milan/report.bin") ? 7 : 1; }

void expect_no_flip_of_the_report_passes(const Evidence& evidence, std::size_t step) {
  const Endorsement endorsement =
      endorsement_of(evidence, Certificate::from_der(evidence.leaf).value());
  ASSERT_EQ(verdict_of(evidence, evidence.report, endorsement), Verdict::genuine);
  Bytes damaged = evidence.report;
  for (std::size_t bit = 0; bit < damaged.size() * 8; bit += step) {
    const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
    damaged[bit / 8] ^= mask;
    ASSERT_EQ(verdict_of(evidence, damaged, endorsement), Verdict::not_genuine) << "bit " << bit;
    damaged[bit / 8] ^= mask;
  }
}

void expect_no_flip_of_the_leaf_passes(const Evidence& evidence, std::size_t step) {
  const auto report = Report::parse(evidence.report).value();
  const Chain chain =
      Chain::find(Certificate::from_der(evidence.leaf).value(), evidence.others, evidence.anchors);
  Bytes damaged = evidence.leaf;
  const std::size_t end = signed_end(damaged);
  ASSERT_LT(end, damaged.size());
  for (std::size_t bit = 0; bit < end * 8; bit += step) {
    const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
    damaged[bit / 8] ^= mask;
    if (const auto leaf = Certificate::from_der(damaged)) {
      ASSERT_EQ(verify(report, Endorsement(*leaf, chain), evidence.at, {}).verdict,
                Verdict::not_genuine)
          << "bit " << bit;
    }
    damaged[bit / 8] ^= mask;
  }
}

TEST(Damage, NoBitOfAReportCanChange) { expect_no_flip_of_the_report_passes(made_here(), step()); }

TEST(Damage, NoBitOfTheSignedPartOfALeafCanChange) {
  expect_no_flip_of_the_leaf_passes(made_here(), step());
}

TEST(Damage, NoByteOfAChainCanChange) {
  const Evidence evidence = made_here();
  const auto report = Report::parse(evidence.report).value();
  const auto leaf = Certificate::from_der(evidence.leaf).value();
  for (std::size_t which = 0; which < evidence.others.size(); ++which) {
    const Bytes& der = evidence.others[which].der();
    for (std::size_t i = 0; i < der.size(); i += 3) {
      Bytes damaged = der;
      damaged[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
      const auto certificate = Certificate::from_der(damaged);
      if (!certificate) continue;
      auto others = evidence.others;
      others[which] = *certificate;
      // The root named as trust anchor would stand in for a damaged one.
      const Chain chain(others[0], others[1], evidence.anchors);
      ASSERT_EQ(verify(report, Endorsement(leaf, chain), evidence.at, {}).verdict,
                Verdict::not_genuine)
          << which << " byte " << i;
    }
  }
}

class RealMilan : public testing::Test {
 protected:
  void SetUp() override {
    EXTREQ_REAL_DATA(report, "milan/report.bin");
    EXTREQ_REAL_DATA(leaf, "milan/vcek.der");
    EXTREQ_REAL_DATA(chain, "roots/milan_vcek_chain.pem");
    evidence_ = {report, leaf, Certificate::from_pem_or_der(chain).value(), {}, test::now()};
  }

  Evidence evidence_;
};

TEST_F(RealMilan, ItsReportIsGenuineUnderAmdsPinnedRoot) {
  const auto report = Report::parse(evidence_.report).value();
  std::vector<Certificate> certificates = evidence_.others;
  certificates.push_back(Certificate::from_der(evidence_.leaf).value());
  abi::ByteArray<64> report_data{1, 2, 3, 4, 5};
  const Verification verification =
      verify({report, certificates, evidence_.anchors, evidence_.at, {report_data}});
  EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
  EXPECT_EQ(verification.product, Product::milan);
  EXPECT_EQ(verification.trust, TrustAnchors::Kind::amd);
  EXPECT_FALSE(verification.model);
  EXPECT_EQ(verification.check(CheckId::chip_id).state, CheckState::passed);
  EXPECT_EQ(verification.check(CheckId::report_data).state, CheckState::passed);
  EXPECT_EQ(verification.check(CheckId::reported_tcb).why,
            "bootloader 2, TEE 0, SNP 5, microcode 68");
}

TEST_F(RealMilan, NoBitOfItsReportCanChange) { expect_no_flip_of_the_report_passes(evidence_, 1); }

TEST_F(RealMilan, NoBitOfTheSignedPartOfItsVcekCanChange) {
  expect_no_flip_of_the_leaf_passes(evidence_, 1);
}

TEST_F(RealMilan, ItsReportFailsUnderTheChainsOfOtherProductsAndOfVleks) {
  for (const std::string file : {"genoa_vcek", "turin_vcek", "milan_vlek"}) {
    EXTREQ_REAL_DATA(chain, "roots/" + file + "_chain.pem");
    Evidence other = evidence_;
    other.others = Certificate::from_pem_or_der(chain).value();
    const Endorsement endorsement =
        endorsement_of(other, Certificate::from_der(other.leaf).value());
    EXPECT_EQ(verdict_of(other, other.report, endorsement), Verdict::not_genuine) << file;
  }
}

TEST(RealTurin, ItsVcekIsReadAndStandsUnderAmdsRoot) {
  EXTREQ_REAL_DATA(der, "turin/vcek.der");
  EXTREQ_REAL_DATA(pem, "roots/turin_vcek_chain.pem");
  const auto leaf = Certificate::from_der(der).value();
  const auto candidates = Certificate::from_pem_or_der(pem).value();
  const Endorsement endorsement(leaf, Chain::find(leaf, candidates, TrustAnchors()));
  for (const Check& check : endorsement.checks()) {
    EXPECT_EQ(check.state, CheckState::passed) << check.why;
  }
  ASSERT_TRUE(endorsement.extensions());
  EXPECT_EQ(endorsement.extensions()->product, Product::turin);
  EXPECT_EQ(endorsement.extensions()->product_name, "Turin");
  EXPECT_EQ(endorsement.extensions()->hwid->size(), 8U);
  EXPECT_TRUE(endorsement.extensions()->tcb.fmc);
}

}  // namespace
}  // namespace extreq::attestation
