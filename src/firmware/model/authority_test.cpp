#include "firmware/model/authority.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "attestation/model_mark.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;
using testing::HasSubstr;

const std::chrono::sys_seconds now{std::chrono::seconds(1'700'000'000)};

Authority milan() { return must(Authority::create(test_authority_keys(), Product::milan, now)); }

TEST(Authority, LooksLikeAmdsAndSaysThatItIsNot) {
  const Authority authority = milan();
  EXPECT_EQ(authority.ark().subject(),
            "O = extreq software model, CN = \"ARK-Milan (extreq software model, not AMD)\"");
  EXPECT_EQ(authority.ask().subject_common_name(), "SEV-Milan (extreq software model, not AMD)");
  EXPECT_EQ(authority.asvk().subject_common_name(),
            "SEV-VLEK-Milan (extreq software model, not AMD)");
  EXPECT_EQ(to_hex(authority.ark().serial()), "010000");
  EXPECT_EQ(to_hex(authority.ask().serial()), "010001");
  EXPECT_EQ(to_hex(authority.asvk().serial()), "010101");
  for (const auto* certificate : {&authority.ark(), &authority.ask(), &authority.asvk()}) {
    EXPECT_TRUE(attestation::is_model_certificate(*certificate));
    EXPECT_TRUE(certificate->issued_by_name(authority.ark()));
    EXPECT_TRUE(certificate->check_signed_by(authority.ark()));
    EXPECT_TRUE(certificate->is_ca());
    EXPECT_TRUE(certificate->may_sign_certificates());
    EXPECT_EQ(certificate->not_before(), now);
    EXPECT_EQ(certificate->not_after(), now + std::chrono::years(25));
  }
  EXPECT_TRUE(authority.ark().may_sign_crls());
  EXPECT_FALSE(authority.ask().may_sign_crls());
  EXPECT_EQ(authority.ask().path_length(), 0U);
  EXPECT_EQ(authority.ark().path_length(), std::nullopt);
}

TEST(Authority, ComesBackFromItsFiles) {
  const auto directory = must(TemporaryDirectory::create("extreq-authority-"));
  const Authority authority = milan();
  must(authority.save(directory.path()));
  const Authority back = must(Authority::load(directory.path()));
  EXPECT_EQ(back.ark(), authority.ark());
  EXPECT_EQ(back.ask(), authority.ask());
  EXPECT_EQ(back.asvk(), authority.asvk());
  EXPECT_EQ(back.ask_key().public_key(), authority.ask_key().public_key());
  for (const char* key : {"/ark.pem", "/ask.pem", "/asvk.pem"}) {
    struct stat status {};
    ASSERT_EQ(::stat((directory.path() + key).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
  }
}

TEST(Authority, FilesThatDoNotBelongTogetherAreNamed) {
  const auto directory = must(TemporaryDirectory::create("extreq-authority-"));
  const std::string& folder = directory.path();
  must(milan().save(folder));
  std::filesystem::copy_file(folder + "/asvk.der", folder + "/ask.der",
                             std::filesystem::copy_options::overwrite_existing);
  auto loaded = Authority::load(folder);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::not_genuine);
  EXPECT_THAT(loaded.error().message, HasSubstr("ask.der does not certify the key beside it"));

  must(milan().save(folder));
  must(replace_file(folder + "/ark.der", Bytes{1, 2, 3}, 0644));
  loaded = Authority::load(folder);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("ark.der"));

  // A root of the same key, and the ASK of another root: other names, another signature.
  must(must(Authority::create(test_authority_keys(), Product::milan, now)).save(folder));
  AuthorityKeys swapped = test_authority_keys();
  std::swap(swapped.ark, swapped.asvk);
  const Authority other = must(Authority::create(swapped, Product::milan, now));
  must(replace_file(folder + "/ask.der", other.ask().der(), 0644));
  EXPECT_EQ(Authority::load(folder).error().code, Code::not_genuine);

  std::filesystem::remove(folder + "/asvk.pem");
  must(milan().save(folder));
  std::filesystem::remove(folder + "/asvk.pem");
  EXPECT_EQ(Authority::load(folder).error().code, Code::not_found);
}

}  // namespace
}  // namespace extreq::firmware::model
