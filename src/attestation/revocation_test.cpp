#include "attestation/revocation.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_scene.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::attestation {
namespace {

using crypto::RevocationListContent;
using test::failures;
using test::Scene;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A scene with one list of its root, and knobs on the list.
struct Revoking : Scene {
  explicit Revoking(Product which = Product::milan) : Scene(which) {
    content = {.issuer_der = root.subject_der(),
               .this_update = at - std::chrono::days(10),
               .next_update = at + std::chrono::days(10),
               .number = 300,
               .entries = {},
               .indirect = false,
               .extensions = {}};
    expectations.revocation.mode = RevocationMode::required;
  }

  void use_vlek() {
    Scene::use_vlek();
    key = SigningKey::vlek;
  }

  [[nodiscard]] KnownList list(std::string_view signer = "ark") const {
    return KnownList(crypto::issue_revocation_list(content, crypto::test_rsa_key(signer)).value(),
                     key);
  }
  // The same list, known for another key or for none.
  [[nodiscard]] KnownList list_for(std::optional<SigningKey> whose) const {
    return KnownList(list().list(), whose);
  }

  [[nodiscard]] Verification verify_with_list() {
    expectations.revocation.lists = {list()};
    return verify();
  }

  [[nodiscard]] Check revocation() { return verify_with_list().check(CheckId::revocation); }

  RevocationListContent content;
  SigningKey key = SigningKey::vcek;  // the report's, and the list's
};

SigningKey other(SigningKey key) {
  return key == SigningKey::vcek ? SigningKey::vlek : SigningKey::vcek;
}

TEST(Revocation, AFreshListThatNamesNobodyPasses) {
  Revoking scene;
  const auto verification = scene.verify_with_list();
  EXPECT_EQ(verification.verdict, Verdict::genuine) << summary(verification);
  EXPECT_EQ(verification.check(CheckId::revocation).state, CheckState::passed);
}

TEST(Revocation, AnAskOrAsvkIsRevokedByItsSerial) {
  for (const bool vlek : {false, true}) {
    Revoking scene;
    if (vlek) scene.use_vlek();
    scene.content.entries = {{scene.certificates[1].serial(), {}}};
    EXPECT_THAT(failures(scene.verify_with_list()), ElementsAre("revocation"));
    EXPECT_THAT(scene.revocation().why, HasSubstr("SEV-"));
    scene.content.entries = {{{1, 2, 3}, {}}};
    EXPECT_THAT(failures(scene.verify_with_list()), IsEmpty());
  }
}

TEST(Revocation, SerialZeroAloneRevokesNoLeafAndWithItsIssuerItDoes) {
  for (const bool vlek : {false, true}) {
    Revoking scene;
    if (vlek) scene.use_vlek();
    scene.content.indirect = true;
    scene.content.entries = {{{0}, {}}};
    EXPECT_THAT(failures(scene.verify_with_list()), IsEmpty());
    scene.content.entries = {{{0}, scene.root.subject_der()}};
    EXPECT_THAT(failures(scene.verify_with_list()), IsEmpty());
    scene.content.entries = {{{0}, scene.certificates[0].issuer_der()}};
    EXPECT_THAT(failures(scene.verify_with_list()), ElementsAre("revocation"));
  }
}

// virtee/snpguest 130, and attestation-rs 83: stale, future-dated, without nextUpdate.
TEST(Revocation, OnlyAFreshListCounts) {
  Revoking scene;
  scene.at = scene.content.this_update - std::chrono::seconds(1);
  EXPECT_THAT(scene.revocation().why, HasSubstr("later than"));
  scene.at = *scene.content.next_update;
  EXPECT_EQ(scene.revocation().state, CheckState::passed);
  scene.at += std::chrono::seconds(1);
  EXPECT_THAT(scene.revocation().why, HasSubstr("was fresh until"));
  scene.at = test::now();
  scene.content.next_update.reset();
  EXPECT_THAT(scene.revocation().why, HasSubstr("until when"));
  EXPECT_EQ(scene.revocation().state, CheckState::failed);
}

TEST(Revocation, AnOlderNumberThanTheKnownOneIsRefused) {
  Revoking scene;
  scene.expectations.revocation.known_number = Bytes{0, 1, 44};
  EXPECT_EQ(scene.revocation().state, CheckState::passed);
  scene.content.number = 299;
  EXPECT_EQ(scene.revocation().state, CheckState::failed);
  EXPECT_THAT(scene.revocation().why, HasSubstr("number"));
  scene.content.number = 0x1'0000;
  EXPECT_EQ(scene.revocation().state, CheckState::passed);
  scene.content.number.reset();
  EXPECT_EQ(scene.revocation().state, CheckState::failed);
}

// AMD's key service has a list under vcek and one under vlek, by one root; an ASVK that is revoked
// is on the second alone.
TEST(Revocation, OnlyTheListForTheReportsKeySatisfiesRequired) {
  using Lists = std::vector<KnownList>;
  for (const bool vlek : {false, true}) {
    Revoking scene;
    if (vlek) scene.use_vlek();
    auto& revocation = scene.expectations.revocation;
    const auto own = scene.list();
    const auto of_other = scene.list_for(other(scene.key));
    const auto unknown = scene.list_for(std::nullopt);
    for (const Lists& lists :
         {Lists{of_other}, Lists{unknown}, Lists{unknown, unknown}, Lists{of_other, unknown}}) {
      revocation.lists = lists;
      revocation.served_lists = {own};
      revocation.mode = RevocationMode::required;
      EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation")) << vlek;
      EXPECT_THAT(scene.verify().check(CheckId::revocation).why,
                  HasSubstr(vlek ? "the one for VLEKs" : "the one for VCEKs"));
      revocation.mode = RevocationMode::if_present;
      EXPECT_EQ(scene.verify().verdict, Verdict::genuine);
      EXPECT_EQ(scene.verify().check(CheckId::revocation).state, CheckState::not_done);
      revocation.lists.push_back(own);
      revocation.mode = RevocationMode::required;
      EXPECT_EQ(scene.verify().check(CheckId::revocation).state, CheckState::passed);
    }
  }
}

// A report by no key that AMD knows is satisfied by no list.
TEST(Revocation, AListOfAnUnknownKeyIsNotTheOneForAReportOfAnUnknownKey) {
  Revoking scene;
  scene.fields.key_info = 3U << abi::snp::key_info::signing_key_shift;
  scene.expectations.revocation.lists = {scene.list_for(std::nullopt)};
  EXPECT_NE(scene.verify().check(CheckId::revocation).state, CheckState::passed);
}

TEST(Revocation, ACertificateOnAnyListThatTheRootSignedIsRevoked) {
  using enum RevocationMode;
  for (const bool vlek : {false, true}) {
    Revoking scene;
    if (vlek) scene.use_vlek();
    const auto good = scene.list();
    scene.content.entries = {{scene.certificates[1].serial(), {}}};
    for (const auto age : {std::chrono::days(0), std::chrono::days(100), std::chrono::days(-100)}) {
      scene.content.this_update = scene.at - age - std::chrono::days(10);
      scene.content.next_update = scene.at - age + std::chrono::days(10);
      for (const auto mode : {if_present, required}) {
        auto& revocation = scene.expectations.revocation;
        revocation.mode = mode;
        revocation.served_lists.clear();
        for (const auto key : {std::optional(scene.key), std::optional(other(scene.key)),
                               std::optional<SigningKey>()}) {
          revocation.lists = {good, scene.list_for(key)};
          EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
          std::ranges::reverse(revocation.lists);
          EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
        }
        revocation.lists = {good};
        revocation.served_lists = {scene.list_for(std::nullopt)};
        EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
        EXPECT_THAT(scene.verify().check(CheckId::revocation).why, HasSubstr("is revoked"));
      }
    }
  }
}

// Whichever list does not count, a fresh one for the key does.
TEST(Revocation, AListThatDoesNotCountDoesNotSpoilOneThatDoes) {
  for (const bool vlek : {false, true}) {
    Revoking scene;
    if (vlek) scene.use_vlek();
    auto& revocation = scene.expectations.revocation;
    revocation.known_number = Bytes{1, 44};
    const auto good = scene.list();
    std::vector<KnownList> others{scene.list("ask")};
    const auto spoil = [&](const auto& change) {
      const auto kept = scene.content;
      change(scene.content);
      others.push_back(scene.list());
      scene.content = kept;
    };
    spoil([&](auto& content) { content.next_update = scene.at - std::chrono::days(1); });
    spoil([&](auto& content) { content.this_update = scene.at + std::chrono::days(1); });
    spoil([](auto& content) { content.next_update.reset(); });
    spoil([](auto& content) { content.number = 299; });
    spoil([](auto& content) { content.number.reset(); });
    for (const KnownList& bad : others) {
      for (const auto mode : {RevocationMode::if_present, RevocationMode::required}) {
        revocation.mode = mode;
        const auto state = [&](std::vector<KnownList> lists) {
          revocation.lists = std::move(lists);
          return scene.verify().check(CheckId::revocation).state;
        };
        EXPECT_EQ(state({bad, good}), CheckState::passed);
        EXPECT_EQ(state({good, bad}), CheckState::passed);
        EXPECT_EQ(state({bad}), CheckState::failed);
        const bool required = mode == RevocationMode::required;
        EXPECT_EQ(state({KnownList(bad.list())}), CheckState::failed);
        EXPECT_EQ(state({KnownList(bad.list(), other(scene.key))}),
                  required ? CheckState::failed : CheckState::not_done);
      }
    }
  }
}

// A root that was renewed under its name has lists of its own.
TEST(Revocation, WhatOneRootSignedIsNotAnotherRootsOfThatName) {
  Revoking scene;
  const auto list = scene.list();
  const auto renewed = scene.authority.ark(
      [](auto& content) { content.subject_key = crypto::test_rsa_key("ask").public_key(); });
  ASSERT_EQ(renewed.subject_der(), scene.root.subject_der());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(list.signed_by(scene.root));
    EXPECT_FALSE(list.signed_by(renewed));
  }
}

TEST(Revocation, AListInTheRootsNameByAnotherKeyIsRefused) {
  Revoking scene;
  scene.expectations.revocation.lists = {scene.list("ask")};
  EXPECT_THAT(scene.verify().check(CheckId::revocation).why, HasSubstr("did not sign"));
}

TEST(Revocation, ARootThatMayNotSignListsIsNotBelievedAboutThem) {
  Revoking scene;
  scene.root = scene.authority.ark([](auto& content) { content.authority->signs_crls = false; });
  scene.certificates[2] = scene.root;
  scene.anchors = TrustAnchors();
  ASSERT_TRUE(scene.anchors.add(scene.root));
  EXPECT_THAT(scene.revocation().why, HasSubstr("may not sign"));
}

// google/go-sev-guest 156: three modes, and what each makes of a missing and of a bad list.
TEST(Revocation, TheModeDecidesWhatAMissingAndABadListMean) {
  using enum RevocationMode;
  using enum CheckState;
  const auto state = [](RevocationMode mode, std::vector<KnownList> lists) {
    Revoking scene;
    scene.expectations.revocation.mode = mode;
    scene.expectations.revocation.lists = std::move(lists);
    const auto verification = scene.verify();
    const auto found = verification.check(CheckId::revocation).state;
    EXPECT_EQ(verification.verdict == Verdict::genuine, found != failed);
    return found;
  };
  Revoking scene;
  const auto good = scene.list();
  const auto bad = scene.list("ask");
  scene.content.issuer_der = scene.certificates[1].subject_der();
  const auto stranger = scene.list();
  EXPECT_EQ(state(off, {}), not_done);
  EXPECT_EQ(state(off, {bad}), not_done);
  EXPECT_EQ(state(if_present, {}), not_done);
  EXPECT_EQ(state(if_present, {stranger}), not_done);
  EXPECT_EQ(state(if_present, {good}), passed);
  EXPECT_EQ(state(if_present, {bad}), failed);
  EXPECT_EQ(state(if_present, {good, bad}), passed);
  EXPECT_EQ(state(required, {}), failed);
  EXPECT_EQ(state(required, {stranger}), failed);
  EXPECT_EQ(state(required, {good, stranger}), passed);
}

// virtee/sev 376, enarx/enarx 2428
TEST(Revocation, TheTablesOwnListRevokesAndSatisfiesNothing) {
  namespace guids = abi::ghcb::certificate_table;
  Revoking scene;
  scene.content.entries = {{scene.certificates[1].serial(), {}}};
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(guids::guid_crl, scene.list().list().der()));
  const auto served = revocation_list_of(CertificateTable::parse(builder.build()).value());
  ASSERT_TRUE(served && *served);
  scene.expectations.revocation.served_lists = {**served};
  EXPECT_THAT(scene.verify().check(CheckId::revocation).why, HasSubstr("is revoked"));
  scene.content.entries.clear();
  EXPECT_THAT(scene.verify_with_list().check(CheckId::revocation).why, HasSubstr("is revoked"));
  scene.expectations.revocation.lists.clear();
  scene.expectations.revocation.served_lists = {scene.list_for(std::nullopt)};
  EXPECT_THAT(scene.verify().check(CheckId::revocation).why, HasSubstr("can only revoke"));
}

TEST(Revocation, ATableWithoutAListHasNoneAndABrokenOneIsAnError) {
  namespace guids = abi::ghcb::certificate_table;
  EXPECT_FALSE(revocation_list_of(CertificateTable()).value());
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(guids::guid_crl, Bytes{1, 2, 3}));
  const auto broken = revocation_list_of(CertificateTable::parse(builder.build()).value());
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("CRL"));
}

TEST(Revocation, NoByteOfARequiredListCanChange) {
  Revoking scene;
  const Bytes der = scene.list().list().der();
  for (std::size_t i = 0; i < der.size(); ++i) {
    Bytes damaged = der;
    damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ (1U << (i % 8)));
    const auto list = crypto::RevocationList::from_pem_or_der(damaged);
    if (!list) continue;
    scene.expectations.revocation.lists = {KnownList(*list, scene.key)};
    EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine) << i;
  }
}

}  // namespace
}  // namespace extreq::attestation
