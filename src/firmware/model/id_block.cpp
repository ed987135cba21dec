#include "firmware/model/id_block.hpp"

#include "attestation/ecdsa_layout.hpp"
#include "base/byte_builder.hpp"
#include "firmware/model/command_failure.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using snp::CommandStatus;

CommandResult<void> check_signed(const char* signer, const char* what, ByteView message,
                                 const snp::EcdsaPublicKey& key,
                                 const snp::EcdsaSignature& signature) {
  const auto public_key = attestation::read_public_key(key);
  if (!public_key) {
    return refuse(CommandStatus::invalid_param, "SNP_LAUNCH_FINISH: the {} key: {}", signer,
                  public_key.error().message);
  }
  const auto parsed = attestation::read_signature(signature);
  if (!parsed || !public_key->verify_digest(crypto::sha384(message), *parsed)) {
    return refuse(CommandStatus::bad_signature,
                  "SNP_LAUNCH_FINISH: the {} is not signed by the {} key", what, signer);
  }
  return {};
}

CommandResult<void> check_algorithm(const char* field, std::uint32_t found) {
  if (found == snp::signature_algo_ecdsa_p384_sha384) return {};
  return refuse(CommandStatus::invalid_param, "SNP_LAUNCH_FINISH: {} is {}, {} is required", field,
                found, snp::signature_algo_ecdsa_p384_sha384);
}

}  // namespace

CommandResult<GuestIdentity> check_id_block(const snp::IdBlock& block, const snp::IdAuth& auth,
                                            bool author_key_en,
                                            const crypto::Sha384Digest& launch_digest,
                                            std::uint64_t policy) {
  CommandResult<void> checked = check_algorithm("ID_KEY_ALGO", auth.id_key_algo);
  if (checked) {
    checked = check_signed("ID", "ID block", ByteBuilder().object(block).view(), auth.id_key,
                           auth.id_block_signature);
  }
  if (checked && author_key_en) {
    checked = check_algorithm("AUTH_KEY_ALGO", auth.auth_key_algo);
    if (checked) {
      checked = check_signed("author", "ID key", ByteBuilder().object(auth.id_key).view(),
                             auth.author_key, auth.id_key_signature);
    }
  }
  if (!checked) return tl::unexpected(std::move(checked).error());
  if (block.version != snp::id_block_version) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_LAUNCH_FINISH: ID block version is {}, {} is required", block.version.get(),
                  snp::id_block_version);
  }
  if (block.launch_digest != launch_digest) {
    return refuse(CommandStatus::bad_measurement,
                  "SNP_LAUNCH_FINISH: the launch digest is {}, the ID block has {}",
                  to_hex(launch_digest), to_hex(block.launch_digest));
  }
  if (block.policy != policy) {
    return refuse(CommandStatus::policy_failure,
                  "SNP_LAUNCH_FINISH: the policy is {:#x}, the ID block has {:#x}", policy,
                  block.policy.get());
  }
  GuestIdentity identity{
      block.family_id, block.image_id, block.guest_svn, attestation::key_digest(auth.id_key), {},
      author_key_en};
  if (author_key_en) identity.author_key_digest = attestation::key_digest(auth.author_key);
  return identity;
}

}  // namespace extreq::firmware::model
