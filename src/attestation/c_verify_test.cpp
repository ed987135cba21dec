#include <cstddef>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_containers.hpp"
#include "attestation/test_scene.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/test_keys.hpp"
#include "extreq/verify.h"

namespace extreq::attestation {
namespace {

using test::Scene;
using testing::HasSubstr;

struct CVerifier {
  explicit CVerifier(const extreq_verifier_options* options) {
    code = extreq_verifier_create(options, &verifier, &error);
  }
  ~CVerifier() { extreq_verifier_free(verifier); }
  CVerifier(const CVerifier&) = delete;
  CVerifier& operator=(const CVerifier&) = delete;
  CVerifier(CVerifier&&) = delete;
  CVerifier& operator=(CVerifier&&) = delete;

  extreq_verifier* verifier = nullptr;
  extreq_error error{};
  int code = 0;
};

// A scene's evidence as C sees it.
struct Given {
  explicit Given(const Scene& scene) : root(scene.root.der()), report(test::sign(scene.fields)) {
    for (const auto& certificate : scene.certificates) pem += certificate.to_pem().value();
    options.roots = root.data();
    options.roots_size = root.size();
    request.report = report.data();
    request.report_size = report.size();
    request.certificates = static_cast<const std::uint8_t*>(static_cast<const void*>(pem.data()));
    request.certificates_size = pem.size();
    request.at = scene.at.time_since_epoch().count();
  }
  Bytes root;
  Bytes report;
  std::string pem;
  extreq_verifier_options options = EXTREQ_VERIFIER_OPTIONS_INIT;
  extreq_request request = EXTREQ_REQUEST_INIT;
};

TEST(CVerify, SaysWhatVerifySays) {
  Scene scene(Product::genoa);
  for (const bool damaged : {false, true}) {
    Given given(scene);
    if (damaged) given.report[0x50] ^= 1U;
    const CVerifier with(&given.options);
    ASSERT_EQ(with.code, EXTREQ_OK) << with.error.text;
    extreq_result* result = nullptr;
    extreq_error error{1, "old"};
    ASSERT_EQ(extreq_verify(with.verifier, &given.request, &result, &error), EXTREQ_OK);
    EXPECT_EQ(error.code, EXTREQ_OK);
    EXPECT_STREQ(error.text, "");
    const auto report = Report::parse(given.report).value();
    const auto judge = verify({report, scene.certificates, scene.anchors, scene.at, {}});
    EXPECT_EQ(extreq_result_verdict(result), damaged ? EXTREQ_NOT_GENUINE : EXTREQ_GENUINE);
    EXPECT_EQ(extreq_result_summary(result), summary(judge));
    ASSERT_EQ(extreq_result_check_count(result), judge.checks.size());
    for (std::size_t i = 0; i < judge.checks.size(); ++i) {
      extreq_check check{};
      ASSERT_EQ(extreq_result_check(result, i, &check), EXTREQ_OK);
      EXPECT_EQ(check.name, kind_of(judge.checks[i].id).name);
      EXPECT_EQ(check.state, static_cast<int>(judge.checks[i].state));
      EXPECT_EQ(check.why, judge.checks[i].why);
    }
    extreq_check check{};
    EXPECT_EQ(extreq_result_check(result, judge.checks.size(), &check), EXTREQ_INVALID_INPUT);
    extreq_result_free(result);
  }
}

TEST(CVerify, ChecksReportDataWhereItIsGiven) {
  const Scene scene(Product::turin);
  Given given(scene);
  const CVerifier with(&given.options);
  std::array<std::uint8_t, 64> wanted{};
  std::ranges::copy(scene.fields.report_data, wanted.begin());
  given.request.report_data = wanted.data();
  extreq_result* result = nullptr;
  ASSERT_EQ(extreq_verify(with.verifier, &given.request, &result, nullptr), EXTREQ_OK);
  EXPECT_EQ(extreq_result_verdict(result), EXTREQ_GENUINE);
  extreq_result_free(result);
  wanted[0] ^= 1U;
  ASSERT_EQ(extreq_verify(with.verifier, &given.request, &result, nullptr), EXTREQ_OK);
  EXPECT_EQ(extreq_result_verdict(result), EXTREQ_NOT_ACCEPTABLE);
  extreq_result_free(result);
}

// A caller that was built with an earlier, shorter struct.
TEST(CVerify, TakesShorterStructsFieldsNotThereAsZero) {
  const Scene scene(Product::milan);
  Given given(scene);
  const CVerifier with(&given.options);
  std::array<std::uint8_t, 64> wanted{};
  wanted.fill(0xEE);
  given.request.report_data = wanted.data();
  given.request.struct_size = offsetof(extreq_request, report_data);
  extreq_result* result = nullptr;
  ASSERT_EQ(extreq_verify(with.verifier, &given.request, &result, nullptr), EXTREQ_OK);
  EXPECT_EQ(extreq_result_verdict(result), EXTREQ_GENUINE);
  extreq_result_free(result);
  given.request.struct_size = sizeof(given.request) + 64;  // and with a later, longer one
  std::vector<std::uint8_t> longer(given.request.struct_size);
  std::memcpy(longer.data(), &given.request, sizeof(given.request));
  extreq_request* const seen = static_cast<extreq_request*>(static_cast<void*>(longer.data()));
  ASSERT_EQ(extreq_verify(with.verifier, seen, &result, nullptr), EXTREQ_OK);
  EXPECT_EQ(extreq_result_verdict(result), EXTREQ_NOT_ACCEPTABLE);
  extreq_result_free(result);
}

TEST(CVerify, RefusesWhatIsWrongWithCodeAndText) {
  const Scene scene(Product::genoa);
  Given given(scene);
  const CVerifier with(nullptr);
  ASSERT_EQ(with.code, EXTREQ_OK);
  extreq_result* result = nullptr;
  extreq_error error{};
  const auto refused = [&](int code, const char* text) {
    EXPECT_EQ(extreq_verify(with.verifier, &given.request, &result, &error), code);
    EXPECT_EQ(error.code, code);
    EXPECT_THAT(error.text, HasSubstr(text));
    EXPECT_EQ(result, nullptr);
  };
  given.request.report_size = 5;
  refused(EXTREQ_INVALID_INPUT, "0x5 bytes found");
  given.request.report = nullptr;
  refused(EXTREQ_INVALID_INPUT, "report: NULL");
  given = Given(scene);
  given.report[0] = 1;
  given.request.report = given.report.data();
  given.request.certificates = nullptr;
  given.request.certificates_size = 0;
  refused(EXTREQ_UNSUPPORTED, "version 1");
  given.request.struct_size = 0;
  refused(EXTREQ_INVALID_INPUT, "struct_size");
  EXPECT_EQ(extreq_verify(nullptr, &given.request, &result, &error), EXTREQ_INVALID_INPUT);
  EXPECT_EQ(extreq_verify(with.verifier, nullptr, &result, &error), EXTREQ_INVALID_INPUT);
  EXPECT_EQ(extreq_verify(with.verifier, &given.request, nullptr, &error), EXTREQ_INVALID_INPUT);
  EXPECT_EQ(extreq_verifier_create(nullptr, nullptr, nullptr), EXTREQ_INVALID_INPUT);
  extreq_verifier_options options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.roots = given.report.data();
  options.roots_size = given.report.size();
  const CVerifier none(&options);
  EXPECT_EQ(none.code, EXTREQ_INVALID_INPUT);
  EXPECT_EQ(none.verifier, nullptr);
  EXPECT_THAT(none.error.text, HasSubstr("roots"));
  extreq_verifier_free(nullptr);
  extreq_result_free(nullptr);
}

// A scene's revocation list as DER.
Bytes list_of(const Scene& scene, std::vector<crypto::RevocationListContent::Entry> entries) {
  const crypto::RevocationListContent content{.issuer_der = scene.root.subject_der(),
                                              .this_update = scene.at - std::chrono::days(1),
                                              .next_update = scene.at + std::chrono::days(1),
                                              .number = 300,
                                              .entries = std::move(entries),
                                              .indirect = false,
                                              .extensions = {}};
  return crypto::issue_revocation_list(content, crypto::test_rsa_key("ark")).value().der();
}

int verdict_with(const Given& given) {
  const CVerifier with(&given.options);
  EXPECT_EQ(with.code, EXTREQ_OK) << with.error.text;
  extreq_result* result = nullptr;
  extreq_error error{};
  EXPECT_EQ(extreq_verify(with.verifier, &given.request, &result, &error), EXTREQ_OK) << error.text;
  if (result == nullptr) return -1;
  const int verdict = extreq_result_verdict(result);
  extreq_result_free(result);
  return verdict;
}

TEST(CVerify, AsksWhatThePolicyAsks) {
  const Scene scene(Product::milan);
  Given given(scene);
  const auto ask = [&](std::string_view policy) {
    given.options.policy = policy.data();
    given.options.policy_size = policy.size();
    return verdict_with(given);
  };
  EXPECT_EQ(ask(R"({"version": 1, "waive_report_data": true, "products": ["Milan"]})"),
            EXTREQ_GENUINE);
  EXPECT_EQ(ask(R"({"version": 1, "waive_report_data": true, "products": ["Turin"]})"),
            EXTREQ_NOT_ACCEPTABLE);
  EXPECT_EQ(ask(R"({"version": 1})"), EXTREQ_NOT_ACCEPTABLE) << "REPORT_DATA is not given";
}

TEST(CVerify, TheTablesRulesAreThePolicysToo) {
  namespace guids = abi::ghcb::certificate_table;
  const Scene scene(Product::milan);
  Given given(scene);
  const std::string_view policy =
      R"({"version": 1, "waive_report_data": true, "certificate_table":
          {"63da758d-e664-4564-adc5-f4b93be8accd": {"presence": "require"}}})";
  given.options.policy = policy.data();
  given.options.policy_size = policy.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_NOT_ACCEPTABLE);
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(guids::guid_vcek, scene.certificates[0].der()));
  const Bytes table = builder.build();
  given.request.certificate_table = table.data();
  given.request.certificate_table_size = table.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_GENUINE);
}

TEST(CVerify, RevocationListsCountAsAsked) {
  const Scene scene(Product::genoa);
  Given given(scene);
  given.options.revocation = EXTREQ_REVOCATION_REQUIRED;
  EXPECT_EQ(verdict_with(given), EXTREQ_NOT_GENUINE);
  const Bytes good = list_of(scene, {});
  given.options.revocation_list = good.data();
  given.options.revocation_list_size = good.size();
  given.options.other_revocation_list = good.data();
  given.options.other_revocation_list_size = good.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_NOT_GENUINE) << "not known to be the one for VCEKs";
  given.options.vlek_revocation_list = good.data();
  given.options.vlek_revocation_list_size = good.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_NOT_GENUINE) << "the one for VLEKs";
  given.options.vcek_revocation_list = good.data();
  given.options.vcek_revocation_list_size = good.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_GENUINE);
  const std::array<std::uint8_t, 2> later{1, 45};  // 301
  given.options.revocation_number = later.data();
  given.options.revocation_number_size = later.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_NOT_GENUINE) << "an older list";
  given.options.revocation_number = nullptr;
  given.options.revocation_number_size = 0;
  const Bytes revoking = list_of(scene, {{scene.certificates[1].serial(), {}}});
  using Options = extreq_verifier_options;
  for (const auto& [list, size] :
       {std::pair(&Options::revocation_list, &Options::revocation_list_size),
        std::pair(&Options::other_revocation_list, &Options::other_revocation_list_size),
        std::pair(&Options::vcek_revocation_list, &Options::vcek_revocation_list_size),
        std::pair(&Options::vlek_revocation_list, &Options::vlek_revocation_list_size)}) {
    given.options.*list = revoking.data();
    given.options.*size = revoking.size();
    EXPECT_EQ(verdict_with(given), EXTREQ_NOT_GENUINE);
    given.options.*list = good.data();
    given.options.*size = good.size();
    EXPECT_EQ(verdict_with(given), EXTREQ_GENUINE);
  }
  given.options.vlek_revocation_list = revoking.data();
  given.options.vlek_revocation_list_size = revoking.size();
  given.options.revocation = EXTREQ_REVOCATION_OFF;
  EXPECT_EQ(verdict_with(given), EXTREQ_GENUINE);
}

TEST(CVerify, TheTablesOwnRevocationListRevokesAndSatisfiesNothing) {
  namespace guids = abi::ghcb::certificate_table;
  const Scene scene(Product::genoa);
  Given given(scene);
  Bytes table;
  const auto serve = [&](const Bytes& list) {
    CertificateTableBuilder builder;
    EXPECT_TRUE(builder.add(guids::guid_crl, list));
    table = builder.build();
    given.request.certificate_table = table.data();
    given.request.certificate_table_size = table.size();
    return verdict_with(given);
  };
  const Bytes clean = list_of(scene, {});
  const Bytes revoking = list_of(scene, {{scene.certificates[1].serial(), {}}});
  EXPECT_EQ(serve(clean), EXTREQ_GENUINE);
  EXPECT_EQ(serve(revoking), EXTREQ_NOT_GENUINE);
  given.options.revocation = EXTREQ_REVOCATION_REQUIRED;
  EXPECT_EQ(serve(clean), EXTREQ_NOT_GENUINE);
  given.options.vcek_revocation_list = clean.data();
  given.options.vcek_revocation_list_size = clean.size();
  EXPECT_EQ(serve(clean), EXTREQ_GENUINE);
  EXPECT_EQ(serve(revoking), EXTREQ_NOT_GENUINE);
}

// A caller of before version 3 gives lists of which the kind is not known.
TEST(CVerify, AnOlderCallersListsRevokeAndSatisfyNothing) {
  const Scene scene(Product::genoa);
  Given given(scene);
  given.options.struct_size = offsetof(extreq_verifier_options, vcek_revocation_list);
  const Bytes list = list_of(scene, {});
  given.options.revocation_list = list.data();
  given.options.revocation_list_size = list.size();
  given.options.vcek_revocation_list = list.data();  // behind what the caller knows
  given.options.vcek_revocation_list_size = list.size();
  EXPECT_EQ(verdict_with(given), EXTREQ_GENUINE);
  given.options.revocation = EXTREQ_REVOCATION_REQUIRED;
  EXPECT_EQ(verdict_with(given), EXTREQ_NOT_GENUINE);
}

TEST(CVerify, AVerifierIsNotMadeFromAPolicyListOrModeThatIsWrong) {
  const auto refused = [](const extreq_verifier_options& options, const char* text) {
    const CVerifier with(&options);
    EXPECT_EQ(with.code, EXTREQ_INVALID_INPUT);
    EXPECT_EQ(with.verifier, nullptr);
    EXPECT_THAT(with.error.text, HasSubstr(text));
  };
  const std::string_view policy = R"({"version": 1, "vmpls": [9]})";
  extreq_verifier_options options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.policy = policy.data();
  options.policy_size = policy.size();
  refused(options, "/vmpls/0");
  options.policy = nullptr;
  refused(options, "policy: NULL");
  options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.revocation = 3;
  refused(options, "revocation: 3");
  options = EXTREQ_VERIFIER_OPTIONS_INIT;
  const Bytes garbage{1, 2, 3};
  options.revocation_list = garbage.data();
  options.revocation_list_size = garbage.size();
  refused(options, "revocation_list: ");
  options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.vcek_revocation_list = garbage.data();
  options.vcek_revocation_list_size = garbage.size();
  refused(options, "vcek_revocation_list: ");
  options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.vlek_revocation_list = garbage.data();
  options.vlek_revocation_list_size = garbage.size();
  refused(options, "vlek_revocation_list: ");
}

// The same report in each container, with what the container lacks beside it.
struct Container {
  const char* name;
  int format;
  Bytes bytes;
  Bytes beside;  // a certificate table
};

std::vector<Container> containers_of(const Scene& scene) {
  namespace guids = abi::ghcb::certificate_table;
  const Bytes report = test::sign(scene.fields);
  CertificateTableBuilder builder;
  EXPECT_TRUE(builder.add(guids::guid_vcek, scene.certificates[0].der()));
  EXPECT_TRUE(builder.add(guids::guid_ask, scene.certificates[1].der()));
  const Bytes table = builder.build();
  auto bound = scene.fields;
  const Bytes runtime_data = to_bytes(R"({"keys":[]})");
  test::bind_runtime_data(bound, runtime_data);
  const std::string json =
      fmt::format(R"({{"attestation_report":{},"cert_chain":[{{"cert_type":"VCEK","data":{}}},
                      {{"cert_type":"ASK","data":{}}}]}})",
                  test::quoted_base64(report), test::quoted_base64(scene.certificates[0].der()),
                  test::quoted_base64(scene.certificates[1].der()));
  return {{"raw, and configfs-tsm's outblob and auxblob", EXTREQ_FORMAT_RAW, report, table},
          {"extended", EXTREQ_FORMAT_EXTENDED, test::joined(report, table), {}},
          {"ioctl", EXTREQ_FORMAT_IOCTL, test::make_response(report, 100), table},
          {"hcl", EXTREQ_FORMAT_HCL, test::make_hcl(test::sign(bound), runtime_data), table},
          {"json", EXTREQ_FORMAT_JSON, to_bytes(json), {}}};
}

class CVerifyEvidence : public testing::Test {
 protected:
  CVerifyEvidence() { request_.at = given_.request.at; }

  // A verdict, or a code below 0.
  int verdict_of(const Container& container, int format) {
    extreq_evidence evidence = EXTREQ_EVIDENCE_INIT;
    evidence.bytes = container.bytes.data();
    evidence.size = container.bytes.size();
    evidence.format = format;
    auto request = request_;
    request.certificate_table = container.beside.data();
    request.certificate_table_size = container.beside.size();
    extreq_result* result = nullptr;
    const int code = extreq_verify_evidence(with_.verifier, &evidence, &request, &result, &error_);
    if (code != EXTREQ_OK) return -code;
    const int verdict = extreq_result_verdict(result);
    extreq_result_free(result);
    return verdict;
  }

  Scene scene_{Product::genoa};
  Given given_{scene_};
  CVerifier with_{&given_.options};
  std::vector<Container> containers_ = containers_of(scene_);
  extreq_request request_ = EXTREQ_REQUEST_INIT;
  extreq_error error_{};
};

TEST_F(CVerifyEvidence, ContainersAreTakenByNameAndByContentAndAreNeverGuessed) {
  for (const Container& container : containers_) {
    for (int format = EXTREQ_FORMAT_AUTO; format <= EXTREQ_FORMAT_JSON; ++format) {
      SCOPED_TRACE(fmt::format("{} as {}", container.name, format));
      const bool fits = format == EXTREQ_FORMAT_AUTO || format == container.format ||
                        // a report with an empty table behind it
                        (container.format == EXTREQ_FORMAT_RAW && format == EXTREQ_FORMAT_EXTENDED);
      EXPECT_EQ(verdict_of(container, format), fits ? EXTREQ_GENUINE : -EXTREQ_INVALID_INPUT)
          << error_.text;
    }
  }
}

TEST_F(CVerifyEvidence, ADamagedReportOrUnboundRuntimeDataAreNotGenuine) {
  Container unbound = containers_[3];
  for (Container& container : std::span(containers_).first(4)) {
    const bool behind_a_header =
        container.format == EXTREQ_FORMAT_IOCTL || container.format == EXTREQ_FORMAT_HCL;
    container.bytes[(behind_a_header ? 0x20U : 0U) + 0x90] ^= 1U;
    EXPECT_EQ(verdict_of(container, EXTREQ_FORMAT_AUTO), EXTREQ_NOT_GENUINE) << container.name;
  }
  unbound.bytes.back() ^= 1U;
  EXPECT_EQ(verdict_of(unbound, EXTREQ_FORMAT_AUTO), EXTREQ_NOT_GENUINE);
}

TEST_F(CVerifyEvidence, ATableGivenStandsInForTheEvidencesOwn) {
  Container extended = containers_[1];
  extended.beside = Bytes(24);
  EXPECT_EQ(verdict_of(extended, EXTREQ_FORMAT_AUTO), EXTREQ_NOT_GENUINE);
}

TEST_F(CVerifyEvidence, WhatIsWrongIsSaidWithCodeAndText) {
  const Container raw = containers_[0];
  extreq_evidence evidence = EXTREQ_EVIDENCE_INIT;
  extreq_result* result = nullptr;
  const auto refused = [&](int code, const char* text) {
    EXPECT_EQ(extreq_verify_evidence(with_.verifier, &evidence, &request_, &result, &error_), code);
    EXPECT_THAT(error_.text, HasSubstr(text));
    EXPECT_EQ(result, nullptr);
  };
  refused(EXTREQ_INVALID_INPUT, "no evidence of a known format");
  evidence.size = 1;
  refused(EXTREQ_INVALID_INPUT, "evidence: NULL with a size of 1");
  evidence.bytes = raw.bytes.data();
  evidence.size = raw.bytes.size();
  evidence.format = EXTREQ_FORMAT_JSON + 1;
  refused(EXTREQ_INVALID_INPUT, "format: 6");
  evidence.format = EXTREQ_FORMAT_HCL;
  refused(EXTREQ_INVALID_INPUT, "HCL");
  evidence.format = EXTREQ_FORMAT_AUTO;
  request_.report = raw.bytes.data();
  refused(EXTREQ_INVALID_INPUT, "report: not NULL");
  EXPECT_EQ(extreq_verify_evidence(with_.verifier, nullptr, &given_.request, &result, &error_),
            EXTREQ_INVALID_INPUT);
  EXPECT_THAT(error_.text, HasSubstr("extreq_evidence: NULL"));
  EXPECT_EQ(extreq_verify_evidence(nullptr, &evidence, &request_, &result, &error_),
            EXTREQ_INVALID_INPUT);
  EXPECT_EQ(extreq_verify_evidence(with_.verifier, &evidence, &request_, nullptr, &error_),
            EXTREQ_INVALID_INPUT);
}

TEST(CVerify, ServesManyThreads) {
  const Scene scene(Product::genoa);
  const Given given(scene);
  const CVerifier with(&given.options);
  std::atomic<int> genuine = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 4; ++k) {
        extreq_result* result = nullptr;
        if (extreq_verify(with.verifier, &given.request, &result, nullptr) == EXTREQ_OK &&
            extreq_result_verdict(result) == EXTREQ_GENUINE) {
          ++genuine;
        }
        extreq_result_free(result);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(genuine, 16);
}

}  // namespace
}  // namespace extreq::attestation
