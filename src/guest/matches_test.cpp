#include "guest/matches.hpp"

#include <cstdlib>

#include <gmock/gmock.h>

#include "attestation/ecdsa_layout.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/file.hpp"
#include "crypto/certificate_builder.hpp"
#include "crypto/test_keys.hpp"
#include "guest/test_host.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;
namespace guids = abi::ghcb::certificate_table;
using testing::HasSubstr;

constexpr attestation::Tcb tcb{.fmc = {}, .bootloader = 3, .tee = 0, .snp = 8, .microcode = 115};

crypto::DistinguishedName named(const char* common_name) {
  crypto::DistinguishedName name;
  name.common_name = common_name;
  return name;
}

// A signing key and its certificate, as a chip at one TCB has them.
class Signer {
 public:
  explicit Signer(std::uint8_t secret, const attestation::Tcb& at = tcb, std::uint8_t chip = 0xC1)
      : key_(key_of(secret)), certificate_(issue(key_, at, chip)) {}

  [[nodiscard]] const Bytes& der() const { return certificate_.der(); }

  [[nodiscard]] Bytes sign(snp::AttestationReport report) const {
    const Bytes unsigned_bytes = ByteBuilder().object(report).take();
    const auto digest = crypto::sha384(ByteView(unsigned_bytes).first(snp::report_signed_size));
    report.signature = attestation::to_layout(key_.sign_digest(digest));
    return ByteBuilder().object(report).take();
  }

 private:
  static crypto::EcdsaP384PrivateKey key_of(std::uint8_t secret) {
    std::array<std::uint8_t, 48> scalar{};
    scalar.fill(secret);
    return crypto::EcdsaP384PrivateKey::from_scalar(scalar).value();
  }

  static crypto::Certificate issue(const crypto::EcdsaP384PrivateKey& key,
                                   const attestation::Tcb& at, std::uint8_t chip) {
    const auto integer = [](std::uint8_t value) { return Bytes{0x02, 0x01, value}; };
    const std::string oid = "1.3.6.1.4.1.3704.1.";
    crypto::CertificateContent content{
        .serial = 0,
        .issuer = named("SEV-Milan"),
        .subject = named("SEV-VCEK"),
        .not_before = std::chrono::sys_seconds(std::chrono::seconds(1700000000)),
        .not_after = std::chrono::sys_seconds(std::chrono::seconds(1900000000)),
        .subject_key = key.public_key(),
        .authority = {},
        .extensions = {{oid + "2", false, {0x16, 5, 'M', 'i', 'l', 'a', 'n'}},
                       {oid + "3.1", false, integer(at.bootloader)},
                       {oid + "3.2", false, integer(at.tee)},
                       {oid + "3.3", false, integer(at.snp)},
                       {oid + "3.8", false, integer(at.microcode)},
                       {oid + "4", false, Bytes(64, chip)}},
    };
    return crypto::issue_certificate(content, crypto::test_rsa_key("ask")).value();
  }

  crypto::EcdsaP384PrivateKey key_;
  crypto::Certificate certificate_;
};

snp::AttestationReport report_of(const attestation::Tcb& at = tcb, std::uint8_t chip = 0xC1) {
  snp::AttestationReport report;
  report.version = 2;
  report.policy = snp::policy::reserved_one;
  report.signature_algo = snp::signature_algo_ecdsa_p384_sha384;
  report.reported_tcb = attestation::encode_tcb(at);
  report.chip_id.fill(chip);
  return report;
}

Bytes table_of(ByteView der, const attestation::Guid& guid = guids::guid_vcek) {
  attestation::CertificateTableBuilder builder;
  EXPECT_TRUE(builder.add(guid, der));
  Bytes table = builder.build();
  table.resize(attestation::pages_for(table.size()) * 4096);  // as it comes from a host
  return table;
}

class Match : public testing::Test {
 protected:
  const Signer now_{1};
  const Signer before_{2};
};

TEST_F(Match, AReportBelongsToTheCertificateOfItsKey) {
  const auto status = check_certificates_match(now_.sign(report_of()), table_of(now_.der()));
  EXPECT_TRUE(status) << status.error().message;
}

// The race that the whole project is about.
TEST_F(Match, ATableOfYesterdaysKeyDoesNotBelongToTodaysReport) {
  const auto status = check_certificates_match(now_.sign(report_of()), table_of(before_.der()));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_genuine);
  EXPECT_THAT(status.error().message, HasSubstr("do not belong together"));
}

TEST_F(Match, TheSameKeyWithAnotherTcbDoesNotBelongToTheReport) {
  attestation::Tcb older = tcb;
  older.microcode = 100;
  const auto status =
      check_certificates_match(now_.sign(report_of()), table_of(Signer(1, older).der()));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("microcode 115 in the report and 100"));
}

TEST_F(Match, TheCertificateOfAnotherChipDoesNotBelongToTheReport) {
  const auto status =
      check_certificates_match(now_.sign(report_of()), table_of(Signer(1, tcb, 0xC2).der()));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("CHIP_ID"));
}

TEST_F(Match, AMaskedChipIdIsNoMismatch) {
  EXPECT_TRUE(check_certificates_match(now_.sign(report_of(tcb, 0)), table_of(now_.der())));
}

TEST_F(Match, EveryChangedByteOfTheReportIsAMismatch) {
  const Bytes report = now_.sign(report_of());
  const Bytes table = table_of(now_.der());
  for (std::size_t at = 0; at < report.size(); ++at) {
    Bytes changed = report;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0x11U);
    EXPECT_FALSE(check_certificates_match(changed, table)) << at;
  }
}

TEST_F(Match, ATableWithoutTheLeafThatTheReportNamesIsAMismatch) {
  auto vlek_report = report_of();
  vlek_report.key_info = snp::key_info::signing_key_vlek << snp::key_info::signing_key_shift;
  const auto status = check_certificates_match(now_.sign(vlek_report), table_of(now_.der()));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_genuine);
  EXPECT_THAT(status.error().message, HasSubstr("SIGNING_KEY is VLEK"));
}

TEST_F(Match, AVcekUnderTheVleksGuidIsAMismatch) {
  auto vlek_report = report_of();
  vlek_report.key_info = snp::key_info::signing_key_vlek << snp::key_info::signing_key_shift;
  EXPECT_EQ(check_certificates_match(now_.sign(vlek_report), table_of(now_.der(), guids::guid_vlek))
                .error()
                .code,
            Code::not_genuine);
}

TEST_F(Match, AMaskedChipKeyNeverMatches) {
  auto report = report_of();
  report.key_info = snp::key_info::mask_chip_key | snp::key_info::signing_key_none
                                                       << snp::key_info::signing_key_shift;
  EXPECT_EQ(check_certificates_match(ByteBuilder().object(report).view(), table_of(now_.der()))
                .error()
                .code,
            Code::not_genuine);
}

TEST_F(Match, ACertificateThatIsNoLeafIsNamedAsSuch) {
  const crypto::CertificateContent content{
      .serial = 1,
      .issuer = named("ARK-Milan"),
      .subject = named("SEV-Milan"),
      .not_before = std::chrono::sys_seconds(std::chrono::seconds(1700000000)),
      .not_after = std::chrono::sys_seconds(std::chrono::seconds(1900000000)),
      .subject_key = crypto::test_rsa_key("ask").public_key(),
      .authority = crypto::CertificateAuthority{},
      .extensions = {},
  };
  const auto ask = crypto::issue_certificate(content, crypto::test_rsa_key("ask"));
  ASSERT_TRUE(ask);
  const auto status = check_certificates_match(now_.sign(report_of()), table_of(ask->der()));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("no leaf"));
}

TEST_F(Match, WhatCannotBeReadIsInvalidInput) {
  const Bytes report = now_.sign(report_of());
  const Bytes table = table_of(now_.der());
  EXPECT_EQ(check_certificates_match(ByteView(report).first(100), table).error().code,
            Code::invalid_input);
  EXPECT_EQ(check_certificates_match(report, Bytes(4096, 0xFF)).error().code, Code::invalid_input);
  EXPECT_EQ(check_certificates_match(report, table_of(Bytes(500, 0x30))).error().code,
            Code::invalid_input);
  EXPECT_EQ(check_certificates_match(report, {}).error().code, Code::not_found);
  EXPECT_EQ(check_certificates_match(report, Bytes(4096)).error().code, Code::not_found);
}

// A host that serves an old table beside a fresh report: the guest sees it without any help.
TEST_F(Match, AStaleTableFromAHostileHostIsFoundByTheGuestAlone) {
  TestHost host;
  ManualClock clock;
  const auto channel = test_channel(host, clock);
  host.firmware = [&](const message::Request& asked) {
    const auto fields = *ByteReader(asked.payload).object<snp::ReportRequest>();
    auto report = report_of();
    report.report_data = fields.report_data;
    report.vmpl = fields.vmpl;
    snp::ReportResponse response;
    response.report_size = sizeof(report);
    response.report = *ByteReader(now_.sign(report)).object<snp::AttestationReport>();
    return ByteBuilder().object(response).take();
  };
  for (const auto* signer : {&before_, &now_}) {
    host.table = table_of(signer->der());
    const auto evidence = channel->extended_report(test_query());
    ASSERT_TRUE(evidence);
    const auto status = check_certificates_match(evidence->report, evidence->certificate_table);
    EXPECT_EQ(status.has_value(), signer == &now_);
  }
}

TEST(MatchOnRealData, TheMilanReportBelongsToItsVcekAndNotToAnother) {
  const char* folder = std::getenv("EXTREQ_TESTDATA");
  ASSERT_NE(folder, nullptr) << "ctest sets it; by hand: EXTREQ_TESTDATA=$PWD/tests/data/amd";
  const auto report = read_file(std::string(folder) + "/milan/report.bin");
  const auto vcek = read_file(std::string(folder) + "/milan/vcek.der");
  const auto other = read_file(std::string(folder) + "/turin/vcek.der");
  ASSERT_TRUE(report && vcek && other);
  const auto status = check_certificates_match(*report, table_of(*vcek));
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(check_certificates_match(*report, table_of(*other)).error().code, Code::not_genuine);
}

}  // namespace
}  // namespace extreq::guest
