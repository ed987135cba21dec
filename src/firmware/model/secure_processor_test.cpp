#include "firmware/model/secure_processor.hpp"

#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
namespace table = abi::ghcb::certificate_table;
using attestation::Product;
using snp::CommandStatus;

crypto::Certificate entry(ByteView bytes, const table::Guid& guid) {
  const auto parsed = must(attestation::CertificateTable::parse(bytes));
  return must(crypto::Certificate::from_der(parsed.find(guid).value()));
}

class EachProduct : public testing::TestWithParam<Product> {};
INSTANTIATE_TEST_SUITE_P(Model, EachProduct,
                         testing::Values(Product::milan, Product::genoa, Product::turin),
                         [](const auto& test) {
                           return std::string(attestation::kds_name(test.param));
                         });

TEST_P(EachProduct, AReportVerifiesWithTheCertificateTable) {
  const auto processor = test_processor(GetParam());
  TestGuest guest(*processor);
  const auto response = guest.report();
  EXPECT_EQ(response.status, 0U);
  EXPECT_EQ(response.report_size, sizeof(snp::AttestationReport));
  const Bytes bytes = must(processor->certificate_table());
  const auto vcek = entry(bytes, table::guid_vcek);
  EXPECT_TRUE(is_signed_by(response.report, vcek));
  const auto ask = entry(bytes, table::guid_ask);
  const auto ark = entry(bytes, table::guid_ark);
  EXPECT_TRUE(vcek.check_signed_by(ask));
  EXPECT_TRUE(ask.check_signed_by(ark));
  EXPECT_TRUE(ark.check_signed_by(ark));
}

TEST(SecureProcessor, AnotherReportedTcbChangesTheKey) {
  Installation installation = test_installation();
  const auto processor = must(SecureProcessor::in_memory(installation));
  TestGuest guest(*processor);
  const auto before = entry(must(processor->certificate_table()), table::guid_vcek);
  EXPECT_TRUE(is_signed_by(guest.report().report, before));
  snp::Config config;
  auto lower = usual_firmware(Product::milan).tcb;
  --lower.snp;
  config.reported_tcb = attestation::encode_tcb(lower);
  must(processor->set_config(config));
  EXPECT_FALSE(is_signed_by(guest.report().report, before));
  EXPECT_TRUE(is_signed_by(guest.report().report,
                           entry(must(processor->certificate_table()), table::guid_vcek)));
}

}  // namespace
}  // namespace extreq::firmware::model
