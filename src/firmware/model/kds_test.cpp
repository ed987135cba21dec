#include "firmware/model/kds.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "attestation/extensions.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "firmware/model/installation.hpp"
#include "firmware/model/leaf_extensions.hpp"
#include "firmware/model/test_guest.hpp"
#include "firmware/model/wrapped_vlek.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;
using attestation::Tcb;
using testing::HasSubstr;

constexpr std::chrono::sys_seconds start{std::chrono::seconds(1'700'000'000)};

class KdsTest : public testing::Test {
 protected:
  [[nodiscard]] Kds kds(Product product = Product::milan, const std::string& folder = {}) {
    Installation installation;
    installation.product = product;
    if (!state_ || state_->product != product) state_ = must(new_platform(installation, clock_));
    return Kds(must(Authority::create(test_authority_keys(), product, start)), *state_, clock_,
               folder, folder.empty() ? UniqueFd() : must(FileLock::open_file(folder + ".lock")));
  }
  [[nodiscard]] const PlatformState& state() const { return *state_; }
  [[nodiscard]] Tcb tcb() const { return state_->reported_tcb; }
  ManualClock clock_{start};

 private:
  std::optional<PlatformState> state_;
};

TEST_F(KdsTest, AVcekIsForTheDerivedKeyTheTcbAndTheChip) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    Kds service = kds(product);
    const auto vcek = must(service.vcek(tcb()));
    EXPECT_EQ(must(vcek.ecdsa_p384_key()),
              derive_vcek(state().chip_secret, product, tcb()).public_key());
    EXPECT_TRUE(vcek.check_signed_by(service.ask()));
    EXPECT_TRUE(vcek.issued_by_name(service.ask()));
    EXPECT_EQ(vcek.subject_common_name(), "SEV-VCEK");
    EXPECT_EQ(vcek.serial(), Bytes{0});
    EXPECT_FALSE(vcek.is_ca());
    EXPECT_EQ(vcek.not_before(), std::chrono::floor<std::chrono::days>(start));
    EXPECT_EQ(vcek.not_after(), vcek.not_before() + std::chrono::years(7));
    const auto extensions = must(attestation::read_extensions(vcek));
    EXPECT_EQ(extensions.tcb, tcb());
    EXPECT_EQ(extensions.product, product);
    EXPECT_FALSE(extensions.csp_id);
    const std::size_t size = product == Product::turin ? 8 : 64;
    const auto chip_id = state().chip_id;
    EXPECT_EQ(extensions.hwid, Bytes(chip_id.begin(), chip_id.begin() + static_cast<long>(size)));
  }
}

TEST_F(KdsTest, AVlekNamesTheProviderAndLivesOneYear) {
  for (const Product product : {Product::milan, Product::turin}) {
    Kds service = kds(product);
    const auto vlek = must(service.vlek("Example Cloud", tcb()));
    EXPECT_TRUE(vlek.check_signed_by(service.asvk()));
    EXPECT_TRUE(vlek.issued_by_name(service.asvk()));
    EXPECT_EQ(vlek.subject_common_name(), "SEV-VLEK");
    EXPECT_EQ(vlek.not_after(), vlek.not_before() + std::chrono::years(1));
    const auto extensions = must(attestation::read_extensions(vlek));
    EXPECT_EQ(extensions.csp_id, "Example Cloud");
    EXPECT_EQ(extensions.product_name, attestation::kds_name(product)) << "without a stepping";
    EXPECT_EQ(extensions.tcb, tcb());
    EXPECT_FALSE(extensions.hwid);
  }
}

TEST_F(KdsTest, TheLoadedVlekIsTheCertifiedOne) {
  Kds service = kds();
  const auto wrapped = must(service.wrap_vlek("Example Cloud", tcb()));
  const auto vlek = must(unwrap_vlek(state().chip_secret, wrapped));
  EXPECT_EQ(derive_vlek(vlek.seed, Product::milan, tcb()).public_key(),
            must(must(service.vlek("Example Cloud", tcb())).ecdsa_p384_key()));
}

// Forms and order of AMD's own: made from what stands in a real certificate, the extensions are
// that certificate's, byte for byte.
TEST(LeafExtensions, AreThoseOfRealCertificates) {
  const char* const testdata = std::getenv("EXTREQ_TESTDATA");  // NOLINT(concurrency-mt-unsafe)
  const std::string folder = testdata == nullptr ? "" : testdata;
  for (const char* name : {"/milan/vcek.der", "/turin/vcek.der"}) {
    const auto der = read_file(folder + name);
    ASSERT_TRUE(der) << der.error().message;
    const auto real = must(crypto::Certificate::from_der(*der));
    const auto content = must(attestation::read_extensions(real));
    ChipId chip_id{};
    std::ranges::copy(*content.hwid, chip_id.begin());
    EXPECT_EQ(vcek_extensions(content.product, content.tcb, chip_id), real.extensions()) << name;
  }
}

// RSASSA-PSS parameters end in the explicit trailerField 1 on Milan and Genoa, as AMD's do.
TEST_F(KdsTest, TheTrailerFieldIsExplicitWhereAmdsIs) {
  const Bytes trailer{0xA3, 0x03, 0x02, 0x01, 0x01};
  const auto has_trailer = [&](const crypto::Certificate& certificate) {
    const Bytes& der = certificate.der();
    return std::search(der.begin(), der.end(), trailer.begin(), trailer.end()) != der.end();
  };
  EXPECT_TRUE(has_trailer(must(kds(Product::milan).vcek(tcb()))));
  EXPECT_TRUE(has_trailer(must(kds(Product::genoa).vcek(tcb()))));
  Kds turin = kds(Product::turin);
  EXPECT_FALSE(has_trailer(must(turin.vcek(tcb()))));
  EXPECT_TRUE(has_trailer(turin.ask()));
}

TEST_F(KdsTest, TheTableHasLeafIntermediateAndRoot) {
  namespace table = abi::ghcb::certificate_table;
  Kds service = kds();
  const auto der = [](const attestation::CertificateTable& parsed, const table::Guid& guid) {
    const ByteView view = parsed.find(guid).value();
    return Bytes(view.begin(), view.end());
  };
  const auto vcek =
      must(attestation::CertificateTable::parse(must(service.certificate_table(tcb(), {}))));
  EXPECT_EQ(vcek.entries().size(), 3U);
  EXPECT_EQ(der(vcek, table::guid_vcek), must(service.vcek(tcb())).der());
  EXPECT_EQ(der(vcek, table::guid_ask), service.ask().der());
  EXPECT_EQ(der(vcek, table::guid_ark), service.ark().der());
  const auto vlek =
      must(attestation::CertificateTable::parse(must(service.certificate_table(tcb(), "csp"))));
  EXPECT_EQ(vlek.entries().size(), 3U);
  EXPECT_EQ(der(vlek, table::guid_vlek), must(service.vlek("csp", tcb())).der());
  EXPECT_EQ(der(vlek, table::guid_ask), service.asvk().der());
}

TEST_F(KdsTest, RefusesWhatItCannotCertify) {
  Kds service = kds();
  const Tcb turins{std::uint8_t{1}, 1, 1, 1, 1};
  EXPECT_THAT(service.vcek(turins).error().message, HasSubstr("not in Milan's layout"));
  EXPECT_FALSE(service.vlek("csp", turins));
  EXPECT_FALSE(service.wrap_vlek("csp", turins));
  EXPECT_FALSE(service.vlek("", tcb()));
  EXPECT_FALSE(service.wrap_vlek(std::string(64, 'x'), tcb()));
}

TEST_F(KdsTest, IssuesOnceForATcbInMemory) {
  Kds service = kds();
  EXPECT_EQ(must(service.vcek(tcb())), must(service.vcek(tcb())));
  Tcb other = tcb();
  ++other.tee;
  EXPECT_NE(must(service.vcek(tcb())), must(service.vcek(other)));
}

class StoredCertificates : public KdsTest {
 protected:
  StoredCertificates() { std::filesystem::create_directory(folder_); }
  [[nodiscard]] std::string path(const char* kind) const {
    return fmt::format("{}/{}-{:016x}.der", folder_, kind, attestation::encode_tcb(tcb()));
  }
  TemporaryDirectory directory_ = must(TemporaryDirectory::create("extreq-kds-"));
  std::string folder_ = directory_.path() + "/certificates";
};

TEST_F(StoredCertificates, AreTheSameBytesForEverybody) {
  Kds a = kds(Product::milan, folder_);
  Kds b = kds(Product::milan, folder_);
  EXPECT_EQ(must(a.vcek(tcb())), must(b.vcek(tcb())));
  EXPECT_EQ(must(b.vlek("csp", tcb())), must(a.vlek("csp", tcb())));
  EXPECT_EQ(must(read_file(path("vcek"))), must(a.vcek(tcb())).der());
}

TEST_F(StoredCertificates, ADamagedOneIsIssuedAnew) {
  const auto good = must(kds(Product::milan, folder_).vcek(tcb())).der();
  for (const std::size_t at : {std::size_t{0}, good.size() / 2, good.size() - 1}) {
    Bytes bad = good;
    bad[at] ^= 1U;
    must(replace_file(path("vcek"), bad, 0644));
    Kds service = kds(Product::milan, folder_);
    const auto vcek = must(service.vcek(tcb()));
    EXPECT_TRUE(vcek.check_signed_by(service.ask()));
    EXPECT_EQ(must(read_file(path("vcek"))), vcek.der());
  }
}

TEST_F(StoredCertificates, AnExpiredOneIsIssuedAnew) {
  Kds service = kds(Product::milan, folder_);
  const auto old = must(service.vlek("csp", tcb()));
  clock_.advance(std::chrono::hours(24 * 364));
  EXPECT_EQ(must(service.vlek("csp", tcb())), old);
  clock_.advance(std::chrono::hours(24 * 3));
  const auto renewed = must(service.vlek("csp", tcb()));
  EXPECT_GT(renewed.not_after(), old.not_after());
  EXPECT_EQ(must(kds(Product::milan, folder_).vlek("csp", tcb())), renewed);
}

TEST_F(StoredCertificates, AFullFolderStopsStoringAndNotIssuing) {
  for (int i = 0; i < 1024; ++i) std::ofstream(fmt::format("{}/{}", folder_, i));
  Kds service = kds(Product::milan, folder_);
  EXPECT_TRUE(service.vcek(tcb()));
  EXPECT_FALSE(std::filesystem::exists(path("vcek")));
}

}  // namespace
}  // namespace extreq::firmware::model
