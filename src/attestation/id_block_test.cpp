#include "attestation/id_block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/test_evidence.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"

namespace extreq::attestation {
namespace {

namespace snp = abi::snp;
using testing::HasSubstr;

const crypto::EcdsaP384PrivateKey& author_key() {
  static const auto key = crypto::EcdsaP384PrivateKey::generate().value();
  return key;
}

snp::IdBlock some_block() {
  snp::IdBlock block;
  block.launch_digest.fill(0xAB);
  block.family_id.fill(1);
  block.version = snp::id_block_version;
  block.guest_svn = 7;
  block.policy = 0x30000;
  return block;
}

TEST(IdBlock, SignedAloneOrWithAnAuthorPasses) {
  const auto block = some_block();
  const auto alone = check_id_block(block, sign_id_block(block, test::leaf_key(), nullptr));
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(alone->id_key, key_digest(to_layout(test::leaf_key().public_key())));
  EXPECT_EQ(alone->author_key, std::nullopt);
  const auto both = check_id_block(block, sign_id_block(block, test::leaf_key(), &author_key()));
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->author_key, key_digest(to_layout(author_key().public_key())));
}

// Nothing in the block and, but for reserved bytes, nothing in the authentication can change.
TEST(IdBlock, DamagedAnywhereIsRefused) {
  const auto block = some_block();
  const auto auth = sign_id_block(block, test::leaf_key(), &author_key());
  const Bytes block_bytes = ByteBuilder().object(block).take();
  for (std::size_t i = 0; i < block_bytes.size(); ++i) {
    Bytes damaged = block_bytes;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(check_id_block(*ByteReader(damaged).object<snp::IdBlock>(), auth)) << i;
  }
  const Bytes auth_bytes = ByteBuilder().object(auth).take();
  const auto is_reserved = [](std::size_t i) {
    return (i >= 0x8 && i < 0x40) || (i >= 0x644 && i < 0x680) || i >= 0xC84;
  };
  for (std::size_t i = 0; i < auth_bytes.size(); i += (i < 0x100 ? 1 : 5)) {
    Bytes damaged = auth_bytes;
    damaged[i] ^= 0x10;
    const auto checked = check_id_block(block, *ByteReader(damaged).object<snp::IdAuth>());
    EXPECT_EQ(checked.has_value(), is_reserved(i)) << i;
  }
}

TEST(IdBlock, OfAnotherVersionIsRefused) {
  auto block = some_block();
  block.version = 2;
  const auto checked = check_id_block(block, sign_id_block(block, test::leaf_key(), nullptr));
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("version 2"));
}

TEST(IdBlock, AnAuthorThatSignedAnotherKeyIsRefused) {
  const auto block = some_block();
  auto auth = sign_id_block(block, test::leaf_key(), &author_key());
  auth.id_key_signature = sign_id_block(block, author_key(), &author_key()).id_key_signature;
  const auto checked = check_id_block(block, auth);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::not_genuine);
  EXPECT_THAT(checked.error().message, HasSubstr("ID key"));
}

}  // namespace
}  // namespace extreq::attestation
