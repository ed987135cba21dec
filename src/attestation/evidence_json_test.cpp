#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/evidence.hpp"
#include "attestation/test_containers.hpp"
#include "attestation/test_evidence.hpp"

namespace extreq::attestation {
namespace {

using testing::HasSubstr;

namespace guids = abi::ghcb::certificate_table;

Bytes report_for(Product product, std::uint32_t version) {
  auto fields = test::report_fields(product);
  fields.version = version;
  if (version >= 5) fields.launch_mit_vector = 3;
  if (version >= 5) fields.current_mit_vector = 0xFFFFFFFFFFFFFFFF;
  return test::sign(fields);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string document(const std::string& report, const std::string& chain) {
  return R"({"attestation_report":)" + report + R"(,"cert_chain":)" + chain + "}";
}

std::string members() {
  return test::report_members(report_for(Product::genoa, 3), TcbLayout::milan);
}

Result<Evidence> parse(const std::string& json) {
  return parse_evidence(to_bytes(json), std::nullopt);
}

void expect_failure(const std::string& json, const std::string& words) {
  const auto evidence = parse(json);
  ASSERT_FALSE(evidence) << words;
  EXPECT_EQ(evidence.error().code, Code::invalid_input);
  EXPECT_THAT(evidence.error().message, HasSubstr(words));
}

TEST(JsonEvidence, AReportInMembersIsPutTogetherByteForByteForEveryProductAndVersion) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    for (const std::uint32_t version : {2U, 3U, 4U, 5U}) {
      Bytes bytes = report_for(product, version);
      if (version == 2) {  // it has no CPUID: its members say null
        auto fields = *ByteReader(bytes).object<abi::snp::AttestationReport>();
        fields.cpuid_family = fields.cpuid_model = fields.cpuid_stepping = 0;
        bytes = test::sign(fields);
      }
      const auto evidence =
          parse(document(test::report_members(bytes, layout_of(product)), "null"));
      ASSERT_TRUE(evidence) << evidence.error().message;
      EXPECT_EQ(evidence->format, EvidenceFormat::json);
      EXPECT_EQ(to_hex(evidence->report.bytes()), to_hex(bytes));
      EXPECT_FALSE(evidence->table);
    }
  }
}

TEST(JsonEvidence, AReportInBase64IsReadInBothAlphabets) {
  const Bytes bytes = report_for(Product::milan, 2);
  std::string text = test::quoted_base64(bytes);
  EXPECT_TRUE(parse(document(text, "[]")));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  EXPECT_TRUE(std::ranges::equal(parse(document(text, "[]"))->report.bytes(), bytes));
}

TEST(JsonEvidence, TheChainBecomesATableUnderTheTypesGuids) {
  const auto evidence = parse(document(members(), R"([
    {"cert_type":"VCEK","data":[1,2,255]}, {"cert_type":"ASK","data":"AQI="},
    {"cert_type":"ARK","data":[4]}, {"cert_type":"CRL","data":[5]},
    {"cert_type":"VLEK","data":[6]},
    {"cert_type":{"OTHER":"01020304-0506-0708-090a-0b0c0d0e0f10"},"data":[7]}])"));
  ASSERT_TRUE(evidence) << evidence.error().message;
  ASSERT_TRUE(evidence->table);
  const auto& entries = evidence->table->entries();
  ASSERT_EQ(entries.size(), 6U);
  EXPECT_EQ(entries[0].guid, guids::guid_vcek);
  EXPECT_EQ(entries[0].data, (Bytes{1, 2, 255}));
  EXPECT_EQ(entries[1].guid, guids::guid_ask);
  EXPECT_EQ(entries[1].data, (Bytes{1, 2}));
  EXPECT_EQ(entries[2].guid, guids::guid_ark);
  EXPECT_EQ(entries[3].guid, guids::guid_crl);
  EXPECT_EQ(entries[4].guid, guids::guid_vlek);
  EXPECT_EQ(to_text(entries[5].guid), "01020304-0506-0708-090a-0b0c0d0e0f10");
}

TEST(JsonEvidence, WhatIsWrongInAChainIsNamedWithItsPlace) {
  const auto expect = [](const std::string& chain, const std::string& words) {
    expect_failure(document(members(), chain), words);
  };
  expect("{}", "/cert_chain: object found, an array or null wanted");
  expect("[3]", "/cert_chain/0: number found, an object wanted");
  expect("[{}]", "/cert_chain/0/cert_type is missing");
  expect(R"([{"cert_type":"VCEK"}])", "/cert_chain/0/data is missing");
  expect(R"([{"cert_type":"Vcek","data":[1]}])", "/cert_chain/0/cert_type");
  expect(R"([{"cert_type":"Empty","data":[1]}])", "/cert_chain/0/cert_type");
  expect(R"([{"cert_type":{"OTHER":"abc"},"data":[1]}])", "/cert_chain/0/cert_type/OTHER");
  expect(R"([{"cert_type":{"OTHER":1},"data":[1]}])", "/cert_chain/0/cert_type");
  expect(R"([{"cert_type":"VCEK","data":[256]}])", "/cert_chain/0/data/0");
  expect(R"([{"cert_type":"VCEK","data":[-1]}])", "/cert_chain/0/data/0");
  expect(R"([{"cert_type":"VCEK","data":[1.5]}])", "/cert_chain/0/data/0");
  expect(R"([{"cert_type":"VCEK","data":"*"}])", "/cert_chain/0/data: base64");
  expect(R"([{"cert_type":"VCEK","data":[]}])", "/cert_chain/0");
  expect(R"([{"cert_type":"VCEK","data":[1]},{"cert_type":"VCEK","data":[1]}])", "/cert_chain/1");
}

TEST(JsonEvidence, WhatIsWrongInAReportIsNamedWithItsPlace) {
  const auto expect = [](const std::string& from, const std::string& to, const std::string& words) {
    expect_failure(document(replaced(members(), from, to), "null"), words);
  };
  expect(R"("version":3)", R"("version":"3")", "/attestation_report/version: string found");
  expect(R"("version":3)", R"("version":4294967296)", "a number from 0 to 4294967295");
  expect(R"("vmpl":)", R"("level":)", "/attestation_report/vmpl is missing");
  expect(R"("image_id":[)", R"("image_id":[0,)", "image_id: 17 bytes found, 16 wanted");
  expect(R"("bootloader":)", R"("bootloader":"x","b":)", "/attestation_report/current_tcb/boot");
  expect(R"("launch_tcb":{)", R"("launch_tcb":7,"x":{)", "/attestation_report/launch_tcb: number");
  expect(R"("current":{"major")", R"("current":{"x")", "/attestation_report/current/major");
  expect(R"("signature":{"r")", R"("signature":{"x")", "/attestation_report/signature/r");
  expect(R"("cpuid_step":)", R"("cpuid_step":256,"x":)", "/attestation_report/cpuid_step");
}

TEST(JsonEvidence, OfAnotherShapeIsRefused) {
  expect_failure("{}", "\"attestation_report\" or \"hcl_report\"");
  expect_failure(R"({"quote":"AA=="})", "\"attestation_report\" or \"hcl_report\"");
  expect_failure(document("null", "null"), "\"attestation_report\" or \"hcl_report\"");
  expect_failure(document("7", "null"), "/attestation_report: number found");
  expect_failure(document("\"AA==\"", "null"), "attestation report: 0x1 bytes");
  expect_failure(R"({"quote":{},"report":[256]})", "/report/0: number found");
  expect_failure(R"({"report":[1]})", "\"attestation_report\" or \"hcl_report\"");
  expect_failure(R"({"a":1,"a":2})", "the key \"a\" stands there twice");
  expect_failure(R"({"a":[[[[[[[[[[]]]]]]]]]]})", "nested too deep");
}

TEST(JsonEvidence, NoBeginningPassesForTheWhole) {
  const std::string whole = document(members(), R"([{"cert_type":"VCEK","data":[1]}])");
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    ASSERT_FALSE(parse(whole.substr(0, size))) << size;
  }
}

TEST(JsonEvidence, OfAzureHoldsAnHclReportWithItsBindingAndAVcek) {
  const Bytes runtime_data = to_bytes("{}");
  auto fields = test::report_fields(Product::genoa);
  test::bind_runtime_data(fields, runtime_data);
  const Bytes bytes = test::sign(fields);
  const auto azure = [&](const Bytes& container) {
    return R"({"version":2,"tpm_quote":{},"hcl_report":)" + test::quoted_base64(container) +
           R"(,"vcek":"AQID"})";
  };
  const auto evidence = parse(azure(test::make_hcl(bytes, runtime_data)));
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_EQ(evidence->format, EvidenceFormat::json);
  EXPECT_TRUE(std::ranges::equal(evidence->report.bytes(), bytes));
  EXPECT_EQ(evidence->runtime_data, runtime_data);
  EXPECT_EQ(evidence->table->entries().at(0).data, (Bytes{1, 2, 3}));
  expect_failure(R"({"hcl_report":"SENMQQ=="})", "HCL report: 0x4 bytes found");
  expect_failure(R"({"hcl_report":7})", "/hcl_report: number found");
}

TEST(JsonEvidence, OfAzureInItsFirstFormHasNumbersAndPem) {
  const Bytes bytes = report_for(Product::genoa, 3);
  const std::string pem = "-----BEGIN CERTIFICATE-----\\nAQID\\n-----END CERTIFICATE-----\\n";
  const auto evidence =
      parse(R"({"quote":{"message":[1]},"report":)" +
            test::numbers(test::make_hcl(bytes, to_bytes("{}"))) + R"(,"vcek":")" + pem + "\"}");
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_TRUE(std::ranges::equal(evidence->report.bytes(), bytes));
  EXPECT_EQ(evidence->runtime_data, to_bytes("{}"));
  EXPECT_EQ(evidence->table->find(guids::guid_vcek)->size(), pem.size() - 3);
}

TEST(JsonEvidence, AKeyThatSteersATerminalIsNotRepeatedAsItIs) {
  expect_failure(R"({"\u001b[2J":1,"\u001b[2J":2})", "\"?[2J\" stands there twice");
}

}  // namespace
}  // namespace extreq::attestation
