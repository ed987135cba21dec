#include "crypto/crl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/crl_builder.hpp"
#include "crypto/der.hpp"
#include "crypto/test_certificates.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::crypto {
namespace {

using testing::HasSubstr;

RevocationListContent content() {
  return {.issuer_der = test_root().subject_der(),
          .this_update = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1),
          .next_update = std::chrono::sys_days(std::chrono::year(2027) / 1 / 1),
          .number = 300,
          .entries = {},
          .indirect = false,
          .extensions = {}};
}

Result<RevocationList> issue(const RevocationListContent& what) {
  return issue_revocation_list(what, test_rsa_key("ark"));
}

std::string refusal(const RevocationListContent& what) {
  const auto list = issue(what);
  return list ? "taken" : list.error().message;
}

TEST(Crl, WhatIsIssuedIsReadAgain) {
  auto what = content();
  what.entries = {{{0x81, 2}, {}}, {{0, 5}, {}}};
  const auto list = issue(what);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->issuer_der(), test_root().subject_der());
  EXPECT_EQ(list->this_update(), what.this_update);
  EXPECT_EQ(list->next_update(), what.next_update);
  EXPECT_EQ(list->number(), (Bytes{1, 44}));
  ASSERT_EQ(list->entries().size(), 2U);
  EXPECT_EQ(list->entries()[0].serial, (Bytes{0x81, 2}));
  EXPECT_EQ(list->entries()[1].serial, Bytes{5});
  EXPECT_EQ(list->entries()[1].issuer_der, test_root().subject_der());
}

TEST(Crl, OnlyItsSignerSignedIt) {
  const auto list = issue(content()).value();
  EXPECT_TRUE(list.check_signed_by(test_root()));
  EXPECT_FALSE(list.check_signed_by(test_intermediate()));
  EXPECT_FALSE(list.check_signed_by(test_leaf()));
}

TEST(Crl, ACertificateIsNamedBySerialAndIssuerTogether) {
  auto what = content();
  what.entries = {{test_intermediate().serial(), {}}};
  EXPECT_TRUE(issue(what)->names(test_intermediate()));
  what.issuer_der = test_leaf().issuer_der();
  EXPECT_FALSE(issue(what)->names(test_intermediate()));
}

TEST(Crl, TheSerialOfALeafAloneNamesNobodyAndItsIssuerBesideItDoes) {
  auto what = content();
  what.entries = {{test_leaf().serial(), {}}};
  EXPECT_FALSE(issue(what)->names(test_leaf()));
  what.indirect = true;
  what.entries = {{{9}, test_leaf().issuer_der()}, {test_leaf().serial(), {}}};
  EXPECT_TRUE(issue(what)->names(test_leaf())) << "an issuer holds for the entries behind it";
}

TEST(Crl, AnIssuerInAListThatIsNotIndirectIsRefused) {
  auto what = content();
  what.entries = {{{0}, test_leaf().issuer_der()}};
  EXPECT_THAT(refusal(what), HasSubstr("without being indirect"));
}

TEST(Crl, ListsThatLeaveSomethingOutAreRefused) {
  auto what = content();
  what.extensions = {{"2.5.29.27", true, {0x02, 0x01, 0x01}}};
  EXPECT_THAT(refusal(what), HasSubstr("delta"));
  for (const std::uint8_t tag : Bytes{0x81, 0x82, 0x85}) {
    what.extensions = {{"2.5.29.28", true, {0x30, 0x03, tag, 0x01, 0xFF}}};
    EXPECT_THAT(refusal(what), HasSubstr("leaves some kinds")) << int{tag};
  }
  what.extensions = {{"2.5.29.28", true, {0x30, 0x04, 0x83, 0x02, 0x06, 0x40}}};
  EXPECT_THAT(refusal(what), HasSubstr("some reasons"));
}

// RFC 5280 section 6.3.3 b 2 i
TEST(Crl, AListForOneDistributionPointIsNoWholeOne) {
  auto what = content();
  const Bytes uri = make_der(0x86, {to_bytes("https://kds/vcek/v1/Milan/crl")});
  const Bytes point = make_der(der_context_0, {make_der(der_context_0, {uri})});
  what.extensions = {{"2.5.29.28", true, make_der(der_sequence, {point})}};
  EXPECT_THAT(refusal(what), HasSubstr("one distribution point"));
}

TEST(Crl, UnknownExtensionsAreRefusedIfTheyAreCritical) {
  auto what = content();
  what.extensions = {{"1.2.3.4", false, {5, 0}}};
  EXPECT_EQ(refusal(what), "taken");
  what.extensions = {{"1.2.3.4", true, {5, 0}}};
  EXPECT_THAT(refusal(what), HasSubstr("critical"));
  // authorityKeyIdentifier: nobody reads it.
  const Bytes identifier{0x30, 0x03, 0x80, 0x01, 0x07};
  what.extensions = {{"2.5.29.35", false, identifier}};
  EXPECT_EQ(refusal(what), "taken");
  what.extensions = {{"2.5.29.35", true, identifier}};
  EXPECT_THAT(refusal(what), HasSubstr("critical"));
}

TEST(Crl, AnExtensionTwiceIsRefused) {
  auto what = content();
  what.extensions = {{"2.5.29.20", false, {2, 1, 1}}};
  EXPECT_THAT(refusal(what), HasSubstr("twice"));
}

TEST(Crl, TheNumberOfEntriesIsBounded) {
  auto what = content();
  what.entries.assign(RevocationList::max_entries + 1, {{1}, {}});
  EXPECT_THAT(refusal(what), HasSubstr("at most"));
}

TEST(Crl, WhatIsNoListIsRefusedWithWords) {
  const Bytes der = issue(content())->der();
  EXPECT_FALSE(RevocationList::from_pem_or_der({}));
  EXPECT_FALSE(RevocationList::from_pem_or_der(test_root().der()));
  EXPECT_FALSE(RevocationList::from_pem_or_der(ByteView(der).first(der.size() - 1)));
  Bytes longer = der;
  longer.push_back(0);
  const auto list = RevocationList::from_pem_or_der(longer);
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().message, HasSubstr("followed by other bytes"));
  EXPECT_FALSE(RevocationList::from_pem_or_der(Bytes(RevocationList::max_input + 1)));
}

TEST(Crl, NoByteCanChange) {
  auto what = content();
  what.entries = {{test_intermediate().serial(), {}}};
  const Bytes der = issue(what)->der();
  for (std::size_t i = 0; i < der.size(); ++i) {
    Bytes damaged = der;
    damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ (1U << (i % 8)));
    const auto list = RevocationList::from_pem_or_der(damaged);
    EXPECT_FALSE(list && list->check_signed_by(test_root())) << i;
  }
}

}  // namespace
}  // namespace extreq::crypto
