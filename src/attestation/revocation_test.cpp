#include "attestation/revocation.hpp"

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

  [[nodiscard]] KnownList list(std::string_view signer = "ark") const {
    return KnownList(crypto::issue_revocation_list(content, crypto::test_rsa_key(signer)).value());
  }

  [[nodiscard]] Verification verify_with_list() {
    expectations.revocation.lists = {list()};
    return verify();
  }

  [[nodiscard]] Check revocation() { return verify_with_list().check(CheckId::revocation); }

  RevocationListContent content;
};

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

// AMD's key service has a list under vcek and one under vlek, by one root: who is on either is out.
TEST(Revocation, EachOfTheTwoListsOfARootIsAsked) {
  for (const bool vlek : {false, true}) {
    for (const std::size_t on : {0U, 1U}) {
      Revoking scene;
      if (vlek) scene.use_vlek();
      std::vector<KnownList> lists;
      for (const std::size_t which : {0U, 1U}) {
        scene.content.number = 300 + which;
        scene.content.entries.clear();
        if (which == on) scene.content.entries = {{scene.certificates[1].serial(), {}}};
        lists.push_back(scene.list());
      }
      scene.expectations.revocation.lists = {lists[1 - on]};
      EXPECT_THAT(failures(scene.verify()), IsEmpty());
      scene.expectations.revocation.lists = lists;
      EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
    }
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
  const auto other = scene.list();
  EXPECT_EQ(state(off, {}), not_done);
  EXPECT_EQ(state(off, {bad}), not_done);
  EXPECT_EQ(state(if_present, {}), not_done);
  EXPECT_EQ(state(if_present, {other}), not_done);
  EXPECT_EQ(state(if_present, {good}), passed);
  EXPECT_EQ(state(if_present, {bad}), failed);
  EXPECT_EQ(state(if_present, {good, bad}), failed);
  EXPECT_EQ(state(required, {}), failed);
  EXPECT_EQ(state(required, {other}), failed);
  EXPECT_EQ(state(required, {good, other}), passed);
}

// virtee/sev 376, enarx/enarx 2428
TEST(Revocation, TheTablesOwnListIsUsedWhereNoOtherOfTheRootIsGiven) {
  namespace guids = abi::ghcb::certificate_table;
  Revoking scene;
  scene.content.entries = {{scene.certificates[1].serial(), {}}};
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(guids::guid_crl, scene.list().list().der()));
  const auto served = revocation_list_of(CertificateTable::parse(builder.build()).value());
  ASSERT_TRUE(served && *served);
  scene.expectations.revocation.served_lists = {**served};
  EXPECT_THAT(failures(scene.verify()), ElementsAre("revocation"));
  scene.content.entries.clear();
  EXPECT_THAT(failures(scene.verify_with_list()), IsEmpty());
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
    scene.expectations.revocation.lists = {KnownList(*list)};
    EXPECT_EQ(scene.verify().verdict, Verdict::not_genuine) << i;
  }
}

}  // namespace
}  // namespace extreq::attestation
