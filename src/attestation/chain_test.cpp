#include "attestation/chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/model_mark.hpp"
#include "attestation/test_evidence.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;
using crypto::CertificateContent;
using test::Authority;
using testing::HasSubstr;

const Check& check_of(const Chain& chain, CheckId id) {
  return *std::ranges::find(chain.checks(), id, &Check::id);
}

CheckState state_of(const Chain& chain, CheckId id) { return check_of(chain, id).state; }

TrustAnchors trusting(const Certificate& root) {
  TrustAnchors anchors;
  EXPECT_TRUE(anchors.add(root));
  return anchors;
}

Certificate named(std::string_view common_name) {
  return Authority(Product::milan).ark([&](CertificateContent& content) {
    content.subject.common_name = common_name;
  });
}

TEST(Subject, IsToldByTheCommonName) {
  const auto expect = [](std::string_view name, Role role, std::optional<Product> product) {
    const auto subject = subject_of(named(name));
    ASSERT_TRUE(subject) << name;
    EXPECT_EQ(subject->role, role) << name;
    EXPECT_EQ(subject->product, product) << name;
  };
  expect("ARK-Milan", Role::ark, Product::milan);
  expect("ARK-Venice", Role::ark, Product::venice);
  expect("SEV-Genoa", Role::ask, Product::genoa);
  expect("SEV-VLEK-Turin", Role::asvk, Product::turin);
  expect("SEV-VCEK", Role::vcek, std::nullopt);
  expect("SEV-VLEK", Role::vlek, std::nullopt);
  expect("ARK-Genoa (extreq software model, not AMD)", Role::ark, Product::genoa);
  expect("SEV-VCEK (extreq software model, not AMD)", Role::vcek, std::nullopt);
}

TEST(Subject, IsUnknownForOtherNames) {
  for (const std::string_view name :
       {"", "ARK-", "ARK-Rome", "ARK-Milano", "ark-Milan", "SEV-", "SEV-VLEK-", "SEV-VLEK-VCEK",
        "SEV-VCEK-Milan", "XSEV-VCEK", "ARK-Milan-B0", "ARK-Milan(x)"}) {
    EXPECT_FALSE(subject_of(named(name))) << name;
  }
}

TEST(Subject, IsShownByItsCommonNameOrWhole) {
  EXPECT_EQ(display_name(named("ARK-Milan")), "ARK-Milan");
  const Certificate nameless = named("");
  EXPECT_EQ(display_name(nameless), nameless.subject());
}

TEST(Chain, PassesUnderATrustedRoot) {
  const Authority amd(Product::milan);
  const Certificate root = amd.ark();
  // A second signature over the same content differs, and so does its SHA-256.
  const Certificate again = amd.ark([](auto& /*content*/) {});
  ASSERT_NE(again.der(), root.der());
  const Chain chain(amd.ask(), again, trusting(root));
  EXPECT_EQ(state_of(chain, CheckId::root_trusted), CheckState::failed);
  const Chain same(amd.ask(), root, trusting(root));
  for (const Check& check : same.checks()) EXPECT_EQ(check.state, CheckState::passed) << check.why;
  EXPECT_EQ(same.trust(), TrustAnchors::Kind::named);
  EXPECT_THAT(check_of(same, CheckId::root_trusted).why, HasSubstr("the user named it"));
}

TEST(Chain, AnUnknownRootIsNotTrustedHoweverWellItSigns) {
  const Authority amd(Product::milan);
  const Chain chain(amd.ask(), amd.ark(), TrustAnchors());
  EXPECT_EQ(state_of(chain, CheckId::root_trusted), CheckState::failed);
  EXPECT_EQ(state_of(chain, CheckId::root), CheckState::passed);
  EXPECT_EQ(state_of(chain, CheckId::intermediate), CheckState::passed);
  EXPECT_EQ(chain.trust(), std::nullopt);
}

TEST(Chain, AModelsRootIsNamedAsSuchTrustedOrNot) {
  const Authority model(Product::milan, std::string(model_organization),
                        std::string(model_common_name_mark));
  const Certificate root = model.ark();
  EXPECT_TRUE(is_model_certificate(root));
  EXPECT_TRUE(is_model_certificate(model.ask()));
  EXPECT_FALSE(is_model_certificate(Authority(Product::milan).ark()));
  EXPECT_THAT(check_of(Chain(model.ask(), root, TrustAnchors()), CheckId::root_trusted).why,
              HasSubstr("is the root of a software model: it vouches for no AMD hardware"));
  EXPECT_THAT(check_of(Chain(model.ask(), root, trusting(root)), CheckId::root_trusted).why,
              HasSubstr("is the root of a software model; trusted because the user named it"));
}

TEST(Chain, MissingCertificatesFailTheirChecks) {
  const Chain chain(std::nullopt, std::nullopt, TrustAnchors());
  ASSERT_EQ(chain.checks().size(), 3U);
  for (const Check& check : chain.checks()) EXPECT_EQ(check.state, CheckState::failed);
}

TEST(Chain, ARootThatDidNotSignItselfFails) {
  const Authority amd(Product::milan);
  // The ASK's key under the ARK's name: signed by the ARK's key, so not by its own.
  const Certificate wrong = amd.ark(
      [&](CertificateContent& content) { content.subject_key = amd.ask().rsa_4096_key().value(); });
  const Chain chain(amd.ask(), wrong, trusting(wrong));
  EXPECT_EQ(state_of(chain, CheckId::root), CheckState::failed);
  EXPECT_EQ(state_of(chain, CheckId::intermediate), CheckState::failed);
}

TEST(Chain, AnIntermediateThatTheRootDidNotSignFails) {
  const Authority amd(Product::milan);
  const Certificate root = amd.ark();
  const Authority other(Product::genoa);
  const Chain chain(other.ask(), root, trusting(root));
  EXPECT_THAT(check_of(chain, CheckId::intermediate).why, HasSubstr("the issuer of"));
  const Certificate damaged = [&] {
    Bytes der = amd.ask().der();
    der.back() ^= 1U;
    return Certificate::from_der(der).value();
  }();
  EXPECT_EQ(state_of(Chain(damaged, root, trusting(root)), CheckId::intermediate),
            CheckState::failed);
}

struct Wrong {
  const char* what;
  test::Change change;
};

TEST(Chain, AnAuthorityMustBeOne) {
  const Authority amd(Product::milan);
  const Certificate root = amd.ark();
  const std::vector<Wrong> wrongs{
      {"no CA", [](CertificateContent& content) { content.authority.reset(); }},
      {"another role",
       [](CertificateContent& content) { content.subject.common_name = "SEV-VCEK"; }},
      {"key usage without certificate signing", [](CertificateContent& content) {
         content.authority.reset();
         content.extensions.push_back({"2.5.29.19", true, Bytes{0x30, 0x03, 0x01, 0x01, 0xFF}});
         content.extensions.push_back({"2.5.29.15", true, Bytes{0x03, 0x02, 0x01, 0x02}});
       }}};
  for (const Wrong& wrong : wrongs) {
    const Chain bad_intermediate(amd.ask(wrong.change), root, trusting(root));
    EXPECT_EQ(state_of(bad_intermediate, CheckId::intermediate), CheckState::failed) << wrong.what;
    const Certificate bad_root = amd.ark(wrong.change);
    EXPECT_EQ(state_of(Chain(amd.ask(), bad_root, trusting(root)), CheckId::root),
              CheckState::failed)
        << wrong.what;
  }
}

TEST(Chain, ARootThatAllowsNoIntermediateFails) {
  const Authority amd(Product::milan);
  const Certificate root =
      amd.ark([](CertificateContent& content) { content.authority->path_length = 0; });
  EXPECT_THAT(check_of(Chain(amd.ask(), root, trusting(root)), CheckId::root).why,
              HasSubstr("may have 0 CAs below it"));
}

TEST(Chain, AcceptsSignaturesWithAndWithoutTheExplicitTrailerField) {
  const Authority amd(Product::milan);
  const test::Change as_der_wants = [](CertificateContent& content) {
    content.explicit_trailer_field = false;
  };
  const Certificate root = amd.ark(as_der_wants);
  const Chain chain(amd.ask(as_der_wants), root, trusting(root));
  for (const Check& check : chain.checks()) EXPECT_EQ(check.state, CheckState::passed) << check.why;
}

TEST(Chain, FindsItsWayThroughManyCertificates) {
  const Authority milan(Product::milan);
  const Authority genoa(Product::genoa);
  const Certificate root = milan.ark();
  const Certificate leaf = milan.vcek(test::tcb(Product::milan), test::chip_id(Product::milan));
  const Certificate vlek = milan.vlek(test::tcb(Product::milan), "provider");
  const std::vector<Certificate> candidates{genoa.ark(), genoa.ask(), genoa.asvk(), milan.asvk(),
                                            leaf,        milan.ask(), root};
  const Chain for_vcek = Chain::find(leaf, candidates, trusting(root));
  EXPECT_EQ(for_vcek.intermediate()->subject_common_name(), "SEV-Milan");
  EXPECT_EQ(for_vcek.root(), root);
  const Chain for_vlek = Chain::find(vlek, candidates, trusting(root));
  EXPECT_EQ(for_vlek.intermediate()->subject_common_name(), "SEV-VLEK-Milan");
  EXPECT_EQ(for_vlek.root(), root);
}

TEST(Chain, ATrustedRootGoesBeforeAServedOneOfTheSameName) {
  const Authority amd(Product::milan);
  const Certificate trusted = amd.ark();
  const Certificate served = amd.ark();
  const Certificate leaf = amd.vcek(test::tcb(Product::milan), test::chip_id(Product::milan));
  const std::vector<Certificate> candidates{served, amd.ask(), trusted};
  EXPECT_EQ(Chain::find(leaf, candidates, trusting(trusted)).root(), trusted);
  const std::vector<Certificate> without{served, amd.ask()};
  EXPECT_EQ(Chain::find(leaf, without, trusting(trusted)).root(), trusted);
  EXPECT_EQ(Chain::find(leaf, without, TrustAnchors()).root(), served);
}

TEST(TrustAnchors, OnlyARootCanBeNamed) {
  TrustAnchors anchors;
  const auto status = anchors.add(Authority(Product::milan).ask());
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("is no root"));
  EXPECT_TRUE(anchors.named().empty());
}

TEST(TrustAnchors, AmdsRootsAreKnownByTheirBytesAlone) {
  for (const std::string product : {"milan", "genoa", "turin"}) {
    for (const std::string key : {"vcek", "vlek"}) {
      EXTREQ_REAL_DATA(pem, fmt::format("roots/{}_{}_chain.pem", product, key));
      const auto certificates = Certificate::from_pem_or_der(pem).value();
      ASSERT_EQ(certificates.size(), 2U);
      const Chain chain(certificates[0], certificates[1], TrustAnchors());
      for (const Check& check : chain.checks()) {
        EXPECT_EQ(check.state, CheckState::passed) << check.why;
      }
      EXPECT_EQ(chain.trust(), TrustAnchors::Kind::amd);
      EXPECT_EQ(amd_root_name(certificates[1]), certificates[1].subject_common_name());
      EXPECT_EQ(amd_root_name(certificates[0]), std::nullopt);
      EXPECT_EQ(subject_of(certificates[0])->role, key == "vcek" ? Role::ask : Role::asvk);
    }
  }
}

// Chain does not check the signature of a pinned root again: this is where it was checked.
TEST(RealRoots, SignThemselves) {
  for (const char* const product : {"milan", "genoa", "turin"}) {
    EXTREQ_REAL_DATA(pem, fmt::format("roots/{}_vcek_chain.pem", product));
    const auto certificates = crypto::Certificate::from_pem_or_der(pem).value();
    ASSERT_TRUE(amd_root_name(certificates.back())) << product;
    EXPECT_TRUE(certificates.back().check_signed_by(certificates.back())) << product;
  }
}

TEST(TrustAnchors, AnotherRootWithAmdsNamesIsNotAmds) {
  const Certificate root = Authority(Product::milan, "Advanced Micro Devices").ark();
  EXPECT_EQ(root.subject_common_name(), "ARK-Milan");
  EXPECT_EQ(TrustAnchors().find(root), std::nullopt);
}

}  // namespace
}  // namespace extreq::attestation
