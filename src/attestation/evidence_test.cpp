#include "attestation/evidence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/evidence_formats.hpp"
#include "attestation/test_containers.hpp"
#include "attestation/test_scene.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"

namespace extreq::attestation {
namespace {

using testing::HasSubstr;

const Bytes runtime_data = to_bytes(R"({"keys":[],"user-data":"00"})");

Bytes report_for(Product product, std::uint32_t version) {
  auto fields = test::report_fields(product);
  fields.version = version;
  test::bind_runtime_data(fields, runtime_data);
  return test::sign(fields);
}

const Bytes& report() {
  static const Bytes bytes = report_for(Product::genoa, 3);
  return bytes;
}

// Every byte of it is needed: no reader may do without the last ones.
const Bytes& table() {
  static const Bytes bytes = [] {
    CertificateTableBuilder builder;
    EXPECT_TRUE(builder.add(abi::ghcb::certificate_table::guid_vcek, to_bytes("certificate")));
    return builder.build();
  }();
  return bytes;
}

void expect_report(const Result<Evidence>& evidence, EvidenceFormat format) {
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_EQ(evidence->format, format);
  EXPECT_TRUE(std::ranges::equal(evidence->report.bytes(), report()));
}

void expect_failure(const Result<Evidence>& evidence, Code code, const std::string& words) {
  ASSERT_FALSE(evidence) << words;
  EXPECT_EQ(evidence.error().code, code) << evidence.error().message;
  EXPECT_THAT(evidence.error().message, HasSubstr(words));
}

TEST(Evidence, FormatsHaveNamesThatAreReadAgain) {
  for (const std::string_view name : evidence_format_names) {
    ASSERT_TRUE(evidence_format(name));
    EXPECT_EQ(to_text(*evidence_format(name)), name);
  }
  EXPECT_FALSE(evidence_format("auto"));
  EXPECT_FALSE(evidence_format(""));
}

TEST(Evidence, EachFileIsRecognisedByItsContentAndReadTheSameIfItsFormatIsNamed) {
  const std::vector<std::pair<EvidenceFormat, Bytes>> files = {
      {EvidenceFormat::raw, report()},
      {EvidenceFormat::extended, test::joined(report(), table())},
      {EvidenceFormat::ioctl, test::make_response(report())},
      {EvidenceFormat::ioctl, test::make_response(report(), 4000 - 0x4C0)},
      {EvidenceFormat::hcl, test::make_hcl(report(), runtime_data)},
      {EvidenceFormat::json,
       to_bytes(" {\n\"attestation_report\": " + test::quoted_base64(report()) + "}")},
  };
  for (const auto& [format, bytes] : files) {
    EXPECT_EQ(recognise_evidence(bytes), format);
    expect_report(parse_evidence(bytes, std::nullopt), format);
    expect_report(parse_evidence(bytes, format), format);
  }
}

TEST(Evidence, AFormatThatIsNamedIsNotGuessed) {
  const Bytes hcl = test::make_hcl(report(), runtime_data);
  expect_failure(parse_evidence(hcl, EvidenceFormat::raw), Code::invalid_input, "0x4a0 wanted");
  expect_failure(parse_evidence(report(), EvidenceFormat::hcl), Code::invalid_input, "HCL report");
  expect_failure(parse_evidence(report(), EvidenceFormat::ioctl), Code::invalid_input,
                 "MSG_REPORT_RSP");
  expect_failure(parse_evidence(report(), EvidenceFormat::json), Code::invalid_input, "no JSON");
  expect_failure(parse_evidence(report(), EvidenceFormat::tsm), Code::invalid_input, "a folder");
}

TEST(Evidence, WhatIsNoneOfTheFormatsIsSaidToBe) {
  for (const Bytes& bytes : {Bytes{}, to_bytes("hello"), Bytes(0x5000, 0x30), table(),
                             to_bytes("-----BEGIN CERTIFICATE-----"), Bytes(0x4A1, 0x31)}) {
    EXPECT_FALSE(recognise_evidence(bytes));
    expect_failure(parse_evidence(bytes, std::nullopt), Code::invalid_input,
                   "no evidence of a known format");
  }
}

TEST(Evidence, EveryVersionOfAReportIsReadInEveryFormatWithItsBytesAsTheyWere) {
  for (const std::uint32_t version : {2U, 3U, 4U, 5U, 6U, 77U, 0x7BU, 255U}) {
    const Bytes bytes = report_for(Product::genoa, version);
    for (const Bytes& container :
         {bytes, test::joined(bytes, table()), test::make_response(bytes),
          test::make_hcl(bytes, runtime_data),
          to_bytes("{\"attestation_report\":" + test::quoted_base64(bytes) + "}")}) {
      const auto evidence = parse_evidence(container, std::nullopt);
      ASSERT_TRUE(evidence) << version << ": " << evidence.error().message;
      EXPECT_TRUE(std::ranges::equal(evidence->report.bytes(), bytes)) << version;
      EXPECT_EQ(evidence->report.version_is_known(), version <= 5) << version;
    }
  }
  for (const std::uint32_t version : {0U, 1U}) {
    EXPECT_FALSE(parse_evidence(report_for(Product::genoa, version), std::nullopt));
  }
}

TEST(Evidence, NoBeginningOfAContainerPassesForTheWhole) {
  const Bytes json = to_bytes("{\"attestation_report\":" + test::quoted_base64(report()) + "}");
  const Bytes extended = test::joined(report(), table());
  for (const Bytes& whole :
       {report(), test::make_response(report()), test::make_hcl(report(), runtime_data), json}) {
    const auto format = recognise_evidence(whole);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      ASSERT_FALSE(parse_evidence(ByteView(whole).first(size), format)) << size;
      ASSERT_FALSE(parse_evidence(ByteView(whole).first(size), std::nullopt)) << size;
    }
  }
  for (std::size_t size = 0; size < extended.size(); ++size) {
    const auto evidence = parse_evidence(ByteView(extended).first(size), std::nullopt);
    ASSERT_EQ(evidence.has_value(), size == Report::size) << size;  // a raw report, and says so
    if (evidence) {
      EXPECT_EQ(evidence->format, EvidenceFormat::raw);
    }
  }
}

TEST(Evidence, ATableBehindAReportIsItsTable) {
  const auto evidence = parse_evidence(test::joined(report(), table()), std::nullopt);
  ASSERT_TRUE(evidence && evidence->table);
  ASSERT_EQ(evidence->table->entries().size(), 1U);
  EXPECT_EQ(evidence->table->entries()[0].data, to_bytes("certificate"));
  EXPECT_FALSE(parse_evidence(report(), std::nullopt)->table);
  const auto none = parse_evidence(report(), EvidenceFormat::extended);
  ASSERT_TRUE(none && none->table);
  EXPECT_TRUE(none->table->empty());
}

TEST(Evidence, ABadTableIsNamedWithItsPlace) {
  Bytes bytes = test::joined(report(), table());
  bytes[Report::size + 0x10] = 0xFF;
  expect_failure(parse_evidence(bytes, std::nullopt), Code::invalid_input,
                 "behind the report, at 0x4a0");
}

TEST(Evidence, ARefusalOfTheFirmwareIsSaidInItsWords) {
  expect_failure(parse_evidence(test::make_response(Bytes(Report::size), 0, 0x16), std::nullopt),
                 Code::invalid_input, "status 0x16 (");
  expect_failure(parse_evidence(test::make_response(Bytes(Report::size), 0, 0x7777), std::nullopt),
                 Code::invalid_input, "unknown status");
}

TEST(Evidence, AResponseWithAnotherSizeOrWithBytesBesideTheReportIsRefused) {
  Bytes bytes = test::make_response(report(), 8);
  bytes.back() = 1;
  expect_failure(parse_evidence(bytes, std::nullopt), Code::invalid_input, "beside the report");
  bytes = test::make_response(report());
  bytes[4] ^= 1;
  expect_failure(parse_evidence(bytes, std::nullopt), Code::invalid_input, "REPORT_SIZE 0x4a1");
  bytes = test::make_response(report());
  bytes[0x1F] = 1;
  expect_failure(parse_evidence(bytes, EvidenceFormat::ioctl), Code::invalid_input,
                 "beside the report");
  expect_failure(parse_evidence(Bytes(4000), std::nullopt), Code::invalid_input, "REPORT_SIZE 0x0");
}

Check runtime_data_check(const Result<Evidence>& evidence) {
  EXPECT_TRUE(evidence) << evidence.error().message;
  Expectations expectations;
  expectations.runtime_data = evidence->runtime_data;
  return verify({evidence->report, {}, TrustAnchors(), test::now(), expectations})
      .check(CheckId::runtime_data);
}

TEST(Evidence, RuntimeDataThatReportDataBindsComeWithTheReport) {
  Bytes bytes = test::make_hcl(report(), runtime_data);
  bytes.resize(2600);  // the index is larger than what is in it
  const auto evidence = parse_evidence(bytes, std::nullopt);
  expect_report(evidence, EvidenceFormat::hcl);
  EXPECT_EQ(evidence->runtime_data, runtime_data);
  EXPECT_EQ(runtime_data_check(evidence).state, CheckState::passed);
}

TEST(Evidence, WithoutRuntimeDataTheyAreSaidToBeUnchecked) {
  const Check check = runtime_data_check(parse_evidence(report(), std::nullopt));
  EXPECT_EQ(check.state, CheckState::not_done);
  EXPECT_EQ(check.why, "no runtime data");
}

TEST(Evidence, NoByteOfRuntimeDataNorOfTheirDigestCanChange) {
  const Bytes whole = test::make_hcl(report(), runtime_data);
  const auto expect_unbound = [&](std::size_t at) {
    Bytes damaged = whole;
    damaged[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
    const Check check = runtime_data_check(parse_evidence(damaged, std::nullopt));
    ASSERT_EQ(check.state, CheckState::failed) << at;
    EXPECT_THAT(check.why, HasSubstr("they do not belong to this report"));
  };
  for (std::size_t at = 0x4D4; at < whole.size(); ++at) expect_unbound(at);
  for (std::size_t at = 0x70; at < 0x90; ++at) expect_unbound(at);  // of REPORT_DATA
}

TEST(Evidence, AReportWithRuntimeDataOfAnotherIsNotGenuine) {
  test::Scene scene(Product::genoa);
  test::bind_runtime_data(scene.fields, runtime_data);
  scene.expectations.runtime_data = runtime_data;
  EXPECT_EQ(scene.verify().verdict, Verdict::genuine) << summary(scene.verify());
  scene.expectations.runtime_data->push_back(' ');
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
  EXPECT_THAT(test::failures(scene.verify()), testing::ElementsAre("runtime_data"));
  scene.expectations.runtime_data = Bytes();
  EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine);
}

TEST(Evidence, RuntimeDataOfAnotherLengthAreNotBound) {
  Bytes bytes = test::make_hcl(report(), runtime_data);
  bytes[0x4D0] -= 1;
  EXPECT_EQ(runtime_data_check(parse_evidence(bytes, std::nullopt)).state, CheckState::failed);
  bytes[0x4D3] = 0xFF;
  expect_failure(parse_evidence(bytes, std::nullopt), Code::invalid_input, "are announced");
}

TEST(Evidence, AnHclReportOfTdxOrWithAnotherDigestIsRefusedByName) {
  expect_failure(parse_evidence(test::make_hcl(report(), runtime_data, 4), std::nullopt),
                 Code::unsupported, "type 4 (TDX)");
  expect_failure(parse_evidence(test::make_hcl(report(), runtime_data, 2, 2), std::nullopt),
                 Code::unsupported, "digest of type 2");
}

class TsmFolder : public testing::Test {
 protected:
  void write(const std::string& name, ByteView bytes) const {
    ASSERT_TRUE(replace_file(folder_.path() + "/" + name, bytes, 0644));
  }
  [[nodiscard]] Result<Evidence> read() const {
    return read_evidence(folder_.path(), std::nullopt);
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create("extreq-evidence").value();
};

TEST_F(TsmFolder, HasItsReportInOutblobAndItsTableInAuxblob) {
  write("outblob", report());
  expect_report(read(), EvidenceFormat::tsm);
  EXPECT_FALSE(read()->table);
  write("auxblob", {});
  EXPECT_TRUE(read()->table->empty());
  write("auxblob", table());
  write("provider", to_bytes("sev_guest\n"));
  expect_report(read(), EvidenceFormat::tsm);
  EXPECT_EQ(read()->table->entries().size(), 1U);
  expect_report(read_evidence(folder_.path(), EvidenceFormat::tsm), EvidenceFormat::tsm);
}

TEST_F(TsmFolder, WithoutAReportOrWithADamagedOneIsNamed) {
  expect_failure(read(), Code::not_found, folder_.path() + "/outblob");
  for (const std::size_t size : {0U, 1U, 0x49FU}) {
    write("outblob", ByteView(report()).first(size));
    expect_failure(read(), Code::invalid_input, folder_.path() + "/outblob");
  }
  write("outblob", report());
  for (std::size_t size = 1; size < table().size(); ++size) {
    write("auxblob", ByteView(table()).first(size));
    expect_failure(read(), Code::invalid_input, folder_.path() + "/auxblob");
  }
}

TEST_F(TsmFolder, OfAnotherProviderIsRefused) {
  write("outblob", report());
  write("provider", to_bytes("tdx_guest\n"));
  expect_failure(read(), Code::unsupported, "\"tdx_guest\" found, \"sev_guest\" wanted");
}

TEST_F(TsmFolder, NamesItsProviderWithoutWhatSteersATerminal) {
  write("outblob", report());
  write("provider", to_bytes("\x1B[2J"));
  expect_failure(read(), Code::unsupported, "\"?[2J\" found");
}

// A folder in which every file that is read counts; `script` is asked for the generation.
struct Folder {
  std::function<Result<Bytes>(int asked)> generation;
  int asked = 0;
  int reports = 0;

  Result<Evidence> read() {
    return read_tsm_folder("folder", [this](const std::string& path) -> Result<Bytes> {
      if (path == "folder/generation") return generation(++asked);
      if (path == "folder/outblob") {
        ++reports;
        return report();
      }
      return fail(Code::not_found, "open {}", path);
    });
  }
};

TEST(ChangingTsmFolder, IsReadAgainUntilReportAndTableAreOfOneGeneration) {
  Folder folder{[](int asked) -> Result<Bytes> { return to_bytes(asked < 4 ? "1" : "2"); }};
  expect_report(folder.read(), EvidenceFormat::tsm);  // 1 1
  EXPECT_EQ(folder.reports, 1);
  folder = {
      [](int asked) -> Result<Bytes> { return to_bytes(asked < 4 ? std::to_string(asked) : "4"); }};
  expect_report(folder.read(), EvidenceFormat::tsm);  // 1 2, 3 4, 4 4
  EXPECT_EQ(folder.reports, 3);
}

TEST(ChangingTsmFolder, ThatNeverRestsIsGivenUp) {
  Folder folder{[](int asked) -> Result<Bytes> { return to_bytes(std::to_string(asked)); }};
  expect_failure(folder.read(), Code::busy, "folder/generation changed");
  EXPECT_EQ(folder.reports, 8);
}

TEST(ChangingTsmFolder, WhoseGenerationComesOrGoesChanges) {
  Folder folder{[](int asked) -> Result<Bytes> {
    if (asked % 2 == 0) return fail(Code::not_found, "gone");
    return to_bytes("1");
  }};
  expect_failure(folder.read(), Code::busy, "folder/generation changed");
}

TEST(ChangingTsmFolder, ThatCannotBeReadIsAnError) {
  Folder folder{[](int asked) -> Result<Bytes> {
    if (asked == 2) return fail(Code::io, "it is gone");
    return to_bytes("1");
  }};
  expect_failure(folder.read(), Code::io, "it is gone");
}

TEST_F(TsmFolder, IsNoFileAndAFileIsNoFolder) {
  write("outblob", report());
  expect_failure(read_evidence(folder_.path(), EvidenceFormat::raw), Code::invalid_input,
                 "raw evidence is a file");
  expect_report(read_evidence(folder_.path() + "/outblob", std::nullopt), EvidenceFormat::raw);
  expect_failure(read_evidence(folder_.path() + "/outblob", EvidenceFormat::tsm),
                 Code::invalid_input, folder_.path());
  expect_failure(read_evidence(folder_.path() + "/nothing", std::nullopt), Code::not_found,
                 "nothing");
}

}  // namespace
}  // namespace extreq::attestation
