#include "attestation/policy_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::attestation {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

Result<Policy> parse(const std::string& rest) {
  return parse_policy(to_bytes("{\"version\": 1" + (rest.empty() ? "" : ", " + rest) + "}"));
}

std::string refusal(const std::string& rest) {
  const auto policy = parse(rest);
  return policy ? "taken" : policy.error().message;
}

TEST(PolicyFile, TheShortestOneAsksForReportDataOnly) {
  const auto policy = parse("");
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_FALSE(policy->waive_report_data);
  EXPECT_EQ(explain(*policy).size(), 2U);
}

TEST(PolicyFile, RulesAreRead) {
  const auto policy = parse(R"(
    "waive_report_data": true, "vmpls": [0, 3], "allow_host_initiated": true,
    "guest_policy": {"debug": "forbid", "smt": "any", "single_socket": "require",
                     "forbid_unknown": true, "minimum_abi": "1.51"},
    "platform_info": {"ecc_en": "require", "forbid_unknown": true},
    "minimum_tcb": {"Milan": {"current": {"snp": 8}, "launch": {"microcode": 209}},
                    "Turin": {"reported": {"fmc": 1}}},
    "minimum_version": {"current": "1.55"}, "minimum_build": {"committed": 21},
    "forbid_provisional_firmware": true, "mitigations": {"launch": 3, "current": 18446744073709551615},
    "minimum_guest_svn": 7, "products": ["Milan", "Venice"], "signing_keys": ["VLEK"],
    "forbid_masked_chip_id": true, "chip_ids": ["0102030405060708"], "csp_ids": ["provider"],
    "host_data": ["000102030405060708090a0b0c0d0e0f000102030405060708090A0B0C0D0E0F"],
    "id_block": {"require": true, "require_author_key": true},
    "certificate_table": {"63da758d-e664-4564-adc5-f4b93be8accd": {"presence": "require"}})");
  ASSERT_TRUE(policy) << policy.error().message;
  namespace bits = abi::snp::policy;
  EXPECT_THAT(policy->vmpls, ElementsAre(0, 3));
  EXPECT_EQ(policy->guest_policy.require, bits::single_socket);
  EXPECT_EQ(policy->guest_policy.forbid, bits::debug | ~bits::known_mask);
  EXPECT_EQ(policy->minimum_policy_abi, (AbiVersion{1, 51}));
  EXPECT_NE(policy->platform_info.forbid & (1ULL << 6U), 0U) << "a bit without a name";
  const auto& milan = policy->minimum_tcb[static_cast<std::size_t>(Product::milan)];
  ASSERT_TRUE(milan);
  EXPECT_EQ((*milan)[0].snp, 8);
  EXPECT_EQ((*milan)[0].tee, std::nullopt);
  EXPECT_EQ((*milan)[3].microcode, 209);
  EXPECT_FALSE(policy->minimum_tcb[static_cast<std::size_t>(Product::genoa)]);
  EXPECT_EQ(policy->minimum_version->at(0), (AbiVersion{1, 55}));
  EXPECT_EQ(policy->minimum_build->at(1), 21);
  EXPECT_EQ(policy->current_mitigations, ~0ULL);
  EXPECT_EQ(policy->chip_ids.at(0)[7], 8);
  EXPECT_EQ(policy->chip_ids.at(0)[8], 0);
  EXPECT_EQ(policy->host_data.at(0)[31], 15);
  ASSERT_EQ(policy->table_rules.size(), 1U);
  EXPECT_EQ(policy->table_rules[0].presence, Presence::require);
}

TEST(PolicyFile, ErrorsNameThePlaceWhatWasFoundAndWhatIsWanted) {
  EXPECT_THAT(refusal(R"("minimum_tcb": {"Milan": {"current": {"snp": 256}}})"),
              testing::AllOf(HasSubstr("/minimum_tcb/Milan/current/snp"), HasSubstr("256 found"),
                             HasSubstr("0 to 255 wanted")));
  EXPECT_THAT(refusal(R"("vmpls": [0, 4])"), HasSubstr("/vmpls/1: 4 found"));
  EXPECT_THAT(refusal(R"("measurements": ["00"])"), HasSubstr("96 hexadecimal digits"));
  EXPECT_THAT(refusal(R"("guest_policy": {"debug": "no"})"), HasSubstr("\"forbid\" wanted"));
}

// A file from elsewhere must not move the cursor of who reads the message.
TEST(PolicyFile, WhatErrorsShowOfAFileIsShortAndCannotSteerATerminal) {
  for (const char* const text : {R"("\u001b[2J": 1)", R"("vmpls": "\u001b[2J")",
                                 R"("certificate_table": {"\u001b[2J": {}})"}) {
    EXPECT_THAT(refusal(text), HasSubstr("\\u001b[2J"));
  }
  const std::string longer(5000, 'a');
  EXPECT_LT(refusal("\"" + longer + "\": 1").size(), 700U);
}

TEST(PolicyFile, UnknownKeysAreRefusedAtEachLevel) {
  for (const char* const text :
       {R"("measurment": [])", R"("guest_policy": {"debugging": "forbid"})",
        R"("minimum_tcb": {"Naples": {}})", R"("minimum_tcb": {"Milan": {"curent": {}}})",
        R"("minimum_tcb": {"Milan": {"current": {"fmc": 1}}})", R"("id_block": {"x": 1})",
        R"("certificate_table": {"63da758d-e664-4564-adc5-f4b93be8accd": {"x": 1}})"}) {
    EXPECT_THAT(refusal(text), HasSubstr("is not known")) << text;
  }
}

TEST(PolicyFile, WhatCouldBeARuleThatIsNotCheckedIsRefused) {
  for (const char* const text :
       {R"("measurements": [])", R"("vmpls": [])", R"("vmpls": 0)", R"("products": ["milan"])",
        R"("waive_report_data": 1)", R"("minimum_guest_svn": -1)", R"("minimum_guest_svn": 1.5)",
        R"("minimum_version": {"current": "1"})", R"("minimum_version": {"current": "1.256"})",
        R"("minimum_version": {"current": "1.5x"})", R"("certificate_table": {})",
        R"("certificate_table": {"63DA758D-E664-4564-ADC5-F4B93BE8ACCD": {}})",
        R"("csp_ids": [""])", R"("vmpls": [0], "vmpls": [1])", R"("host_data": null)"}) {
    EXPECT_NE(refusal(text), "taken") << text;
  }
  for (const char* const text : {"", "[]", "{}", "{\"version\": 2}", "{\"version\": 1} x", "{"}) {
    EXPECT_FALSE(parse_policy(to_bytes(text))) << text;
  }
  EXPECT_FALSE(parse_policy(Bytes(policy_file_max + 1, ' ')));
  EXPECT_FALSE(parse_policy(Bytes(100'000, '[')));
}

TEST(PolicyFile, EachRuleIsExplained) {
  const auto policy = parse(R"("guest_policy": {"debug": "forbid"}, "products": ["Milan"])");
  ASSERT_TRUE(policy);
  const auto sentences = explain(*policy);
  EXPECT_THAT(sentences, Contains("POLICY must not have set: debug"));
  EXPECT_THAT(sentences, Contains("the product must be Milan"));
}

}  // namespace
}  // namespace extreq::attestation
