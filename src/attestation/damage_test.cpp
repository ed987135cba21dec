// Damage: one flipped bit in each byte of what a guest hands over. Whatever was signed may not
// change by one, and nothing may crash.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/evidence.hpp"
#include "attestation/test_containers.hpp"
#include "attestation/test_evidence.hpp"
#include "attestation/verification.hpp"
#include "attestation/verifier.hpp"

namespace extreq::attestation {
namespace {

namespace guids = abi::ghcb::certificate_table;
using crypto::Certificate;

// A report and the certificate table behind it: leaf, ASK, ARK.
struct Handed {
  Bytes bytes;
  TrustAnchors anchors;
};

// A byte behind `begin` and before `end` that may change.
struct Unused {
  std::size_t begin;
  std::size_t end;
  std::string_view reason;
};

Handed handed_over(ByteView report, const std::vector<Certificate>& certificates) {
  CertificateTableBuilder table;
  EXPECT_TRUE(table.add(guids::guid_vcek, certificates.at(0).der()));
  EXPECT_TRUE(table.add(guids::guid_ask, certificates.at(1).der()));
  EXPECT_TRUE(table.add(guids::guid_ark, certificates.at(2).der()));
  return {test::joined(report, table.build()), {}};
}

Handed made_here() {
  const test::Authority authority(Product::genoa);
  const Certificate root = authority.ark();
  Handed handed =
      handed_over(test::sign(test::report_fields(Product::genoa)),
                  {authority.vcek(test::tcb(Product::genoa), test::chip_id(Product::genoa)),
                   authority.ask(), root});
  EXPECT_TRUE(handed.anchors.add(root));
  return handed;
}

// Which bytes are flipped.
struct Sweep {
  std::size_t begin;
  std::size_t end;
  std::size_t step;
};

// All the way from bytes. `verifier` saves work on what did not change. nullopt: no evidence.
std::optional<Verdict> verdict_of(const Handed& handed, const Verifier& verifier) {
  const auto report = Report::parse(ByteView(handed.bytes).first(Report::size));
  if (!report) return std::nullopt;
  const ByteView table = ByteView(handed.bytes).subspan(Report::size);
  const auto endorsement = verifier.endorsement(report->signing_key(), table);
  if (!endorsement) return std::nullopt;
  // What fails although its signature is said to fit, fails: no need to check that signature.
  const auto at_best = verify(*report, **endorsement, test::now(), {}, true).verdict;
  if (at_best != Verdict::genuine) return at_best;
  const auto verification = verifier.verify(*report, table, test::now(), {});
  if (!verification) return std::nullopt;
  return verification->verdict;
}

void flip(Bytes& bytes, std::size_t at, std::size_t bit) {
  bytes[at] ^= static_cast<std::uint8_t>(1U << (bit % 8));
}

// One bit of each byte, another one from byte to byte. Each range of `unused` has one that may.
void expect_no_flip_passes(Handed handed, const Sweep& sweep, const std::vector<Unused>& unused) {
  const Verifier verifier(handed.anchors);
  ASSERT_EQ(verdict_of(handed, verifier), Verdict::genuine);
  std::set<std::string_view> passed;
  for (std::size_t at = sweep.begin; at < sweep.end; at += sweep.step) {
    flip(handed.bytes, at, at);
    const bool genuine = verdict_of(handed, verifier) == Verdict::genuine;
    flip(handed.bytes, at, at);
    if (!genuine) continue;
    const auto range =
        std::ranges::find_if(unused, [&](const Unused& u) { return u.begin <= at && at < u.end; });
    ASSERT_NE(range, unused.end()) << "byte " << at;
    passed.insert(range->reason);
  }
  for (const Unused& range : unused) EXPECT_TRUE(passed.contains(range.reason)) << range.reason;
}

constexpr std::size_t table_at = Report::size;
constexpr std::size_t entry_size = sizeof(guids::Entry);
constexpr std::size_t data_at = table_at + 4 * entry_size;  // three entries and the end

// That copy stands in for the table's ARK, which is sampled; the next test but one has all of it.
TEST(Damage, NoByteOfAReportOrTableCanChangeExceptForARootThatTheUserNamed) {
  const Handed handed = made_here();
  const std::size_t ark_entry = table_at + 2 * entry_size;
  const std::size_t end = handed.bytes.size();
  const std::size_t ark = end - handed.anchors.named().at(0).der().size();
  expect_no_flip_passes(handed, {0, ark, 1},
                        {{ark_entry, ark_entry + sizeof(Guid),
                          "under another GUID it is not looked at, and the user's own stands in"}});
  expect_no_flip_passes(handed, {ark, end, 29}, {{ark, end, "the user's own stands in"}});
}

TEST(Damage, NoBitOfATablesEntriesPassesForAnother) {
  Handed handed = made_here();
  const auto whole = CertificateTable::parse(ByteView(handed.bytes).subspan(table_at)).value();
  for (std::size_t bit = table_at * 8; bit < data_at * 8; ++bit) {
    flip(handed.bytes, bit / 8, bit);
    const auto table = CertificateTable::parse(ByteView(handed.bytes).subspan(table_at));
    flip(handed.bytes, bit / 8, bit);
    if (!table) continue;
    std::size_t same = 0;
    for (const auto& entry : whole.entries()) {
      const auto found = table->find(entry.guid);
      if (found && std::ranges::equal(*found, entry.data)) ++same;
    }
    ASSERT_EQ(same, 2U) << "bit " << bit;  // one has another GUID, or is shorter
  }
}

TEST(Damage, NoByteOfARootThatIsNotNamedCanChange) {
  const Handed handed = made_here();
  const auto evidence = parse_evidence(handed.bytes, std::nullopt).value();
  const auto certificates = certificates_of(*evidence.table).value();
  const Bytes& der = certificates[2].der();
  for (std::size_t at = 0; at < der.size(); ++at) {
    Bytes damaged = der;
    flip(damaged, at, at);
    const auto root = Certificate::from_der(damaged);
    if (!root) continue;
    const Endorsement endorsement(certificates[0], Chain(certificates[1], *root, handed.anchors));
    // Even if the report's signature fits, which it does: the leaf is whole.
    ASSERT_NE(verify(evidence.report, endorsement, test::now(), {}, true).verdict, Verdict::genuine)
        << "byte " << at;
  }
}

class RealMilan : public testing::Test {
 protected:
  void SetUp() override {
    EXTREQ_REAL_DATA(report, "milan/report.bin");
    EXTREQ_REAL_DATA(leaf, "milan/vcek.der");
    EXTREQ_REAL_DATA(chain, "roots/milan_vcek_chain.pem");
    report_ = report;
    certificates_ = Certificate::from_pem_or_der(chain).value();
    certificates_.insert(certificates_.begin(), Certificate::from_der(leaf).value());
  }

  Bytes report_;
  std::vector<Certificate> certificates_;  // VCEK, ASK, ARK
};

TEST_F(RealMilan, ItsReportIsGenuineUnderAmdsPinnedRoot) {
  const auto report = Report::parse(report_).value();
  abi::ByteArray<64> report_data{1, 2, 3, 4, 5};
  const Verification verification =
      verify({report, certificates_, TrustAnchors(), test::now(), {report_data}});
  EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
  EXPECT_EQ(verification.product, Product::milan);
  EXPECT_EQ(verification.trust, TrustAnchors::Kind::amd);
  EXPECT_FALSE(verification.model);
  EXPECT_EQ(verification.check(CheckId::chip_id).state, CheckState::passed);
  EXPECT_EQ(verification.check(CheckId::report_data).state, CheckState::passed);
  EXPECT_EQ(verification.check(CheckId::reported_tcb).why,
            "bootloader 2, TEE 0, SNP 5, microcode 68");
}

// ASK and ARK are sampled: above each of their bytes has its turn.
TEST_F(RealMilan, NoByteOfItsReportOrItsVcekCanChange) {
  const Handed handed = handed_over(report_, certificates_);
  const std::size_t authorities = data_at + certificates_[0].der().size();
  expect_no_flip_passes(handed, {authorities, handed.bytes.size(), 7}, {});
  expect_no_flip_passes(handed, {0, authorities, 1}, {});
}

TEST_F(RealMilan, ItsReportFailsUnderTheChainsOfOtherProductsAndOfVleks) {
  for (const std::string file : {"genoa_vcek", "turin_vcek", "milan_vlek"}) {
    EXTREQ_REAL_DATA(chain, "roots/" + file + "_chain.pem");
    auto others = Certificate::from_pem_or_der(chain).value();
    others.insert(others.begin(), certificates_[0]);
    EXPECT_EQ(verdict_of(handed_over(report_, others), Verifier(TrustAnchors())),
              Verdict::not_genuine)
        << file;
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
