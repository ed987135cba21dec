#include "firmware/model/id_block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/ecdsa_layout.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using snp::CommandStatus;
using testing::HasSubstr;

class IdBlockTest : public testing::Test {
 protected:
  IdBlockTest() {
    block_.launch_digest = digest_;
    block_.version = snp::id_block_version;
    block_.policy = policy_;
    block_.guest_svn = 7;
    block_.family_id.fill(0xFA);
    block_.image_id.fill(0x1A);
    sign();
  }
  void sign() { auth_ = sign_id_block(block_, id_key_, &author_key_); }
  [[nodiscard]] CommandResult<GuestIdentity> check(bool author_key_en = true) const {
    return check_id_block(block_, auth_, author_key_en, digest_, policy_);
  }
  void expect_refused(CommandStatus status, const char* words) const {
    const auto result = check();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().status, status);
    EXPECT_THAT(result.error().message, HasSubstr(words));
  }

  crypto::EcdsaP384PrivateKey id_key_ = must(crypto::EcdsaP384PrivateKey::generate());
  crypto::EcdsaP384PrivateKey author_key_ = must(crypto::EcdsaP384PrivateKey::generate());
  crypto::Sha384Digest digest_ = crypto::sha384({});
  std::uint64_t policy_ = 0x30000;
  snp::IdBlock block_;
  snp::IdAuth auth_;
};

TEST_F(IdBlockTest, GivesWhatAReportSays) {
  const auto identity = must(check());
  EXPECT_EQ(identity.guest_svn, 7U);
  EXPECT_EQ(identity.family_id, block_.family_id);
  EXPECT_EQ(identity.image_id, block_.image_id);
  EXPECT_EQ(identity.id_key_digest, attestation::key_digest(auth_.id_key));
  EXPECT_EQ(identity.author_key_digest, attestation::key_digest(auth_.author_key));
  EXPECT_TRUE(identity.author_key_en);
}

TEST_F(IdBlockTest, WithoutAnAuthorKeyItsPartIsNotLookedAt) {
  auth_.auth_key_algo = 9;
  auth_.author_key = {};
  auth_.id_key_signature.r[0] ^= 1U;
  const auto identity = must(check(false));
  EXPECT_EQ(identity.author_key_digest, abi::ByteArray<48>{});
  EXPECT_FALSE(identity.author_key_en);
}

TEST_F(IdBlockTest, EveryDamagedByteOfTheBlockBreaksItsSignature) {
  const Bytes good = ByteBuilder().object(block_).take();
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 1U;
    block_ = *ByteReader(bad).object<snp::IdBlock>();
    expect_refused(CommandStatus::bad_signature, "the ID block is not signed by the ID key");
  }
}

TEST_F(IdBlockTest, DamagedSignaturesAndKeysAreRefused) {
  auth_.id_block_signature.s[3] ^= 1U;
  expect_refused(CommandStatus::bad_signature, "the ID block is not signed by the ID key");
  sign();
  auth_.id_block_signature.reserved[0] = 1;
  expect_refused(CommandStatus::bad_signature, "the ID block is not signed by the ID key");
  sign();
  auth_.id_key_signature.r[3] ^= 1U;
  expect_refused(CommandStatus::bad_signature, "the ID key is not signed by the author key");
  sign();
  auth_.author_key = attestation::to_layout(id_key_.public_key());
  expect_refused(CommandStatus::bad_signature, "the ID key is not signed by the author key");
  sign();
  auth_.id_key.qx[0] ^= 1U;
  expect_refused(CommandStatus::invalid_param, "the ID key:");
  sign();
  auth_.author_key.curve = 1;
  expect_refused(CommandStatus::invalid_param, "the author key:");
  sign();
  auth_.id_key_algo = 2;
  expect_refused(CommandStatus::invalid_param, "ID_KEY_ALGO is 2, 1 is required");
  sign();
  auth_.auth_key_algo = 0;
  expect_refused(CommandStatus::invalid_param, "AUTH_KEY_ALGO is 0, 1 is required");
}

TEST_F(IdBlockTest, TheGuestMustBeWhatTheBlockSays) {
  block_.launch_digest[0] ^= 1U;
  sign();
  expect_refused(CommandStatus::bad_measurement,
                 "the launch digest is 38b060a751ac96384cd9327eb1b1e3");
  block_.launch_digest = digest_;
  block_.policy = 0x30001;
  sign();
  expect_refused(CommandStatus::policy_failure, "the policy is 0x30000, the ID block has 0x30001");
  block_.policy = policy_;
  block_.version = 2;
  sign();
  expect_refused(CommandStatus::invalid_param, "ID block version is 2, 1 is required");
}

TEST(LaunchFinishRules, BlockAndAuthenticationComeTogether) {
  const auto processor = test_processor();
  const auto guest = must(processor->create_guest());
  must(processor->launch_start(guest, {}));
  LaunchFinish finish;
  finish.id_block.emplace();
  auto refused = processor->launch_finish(guest, finish);
  EXPECT_EQ(refused.error().status, CommandStatus::invalid_param);
  finish = {};
  finish.author_key_en = true;
  refused = processor->launch_finish(guest, finish);
  EXPECT_THAT(refused.error().message, HasSubstr("AUTH_KEY_EN is set and there is no ID block"));
  EXPECT_TRUE(processor->launch_finish(guest, {})) << "what was refused changed nothing";
}

}  // namespace
}  // namespace extreq::firmware::model
