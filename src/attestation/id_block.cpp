#include "attestation/id_block.hpp"

#include "base/byte_builder.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

namespace snp = abi::snp;

crypto::Sha384Digest digest_of(const auto& layout) {
  return crypto::sha384(ByteBuilder().object(layout).view());
}

Status check_signature(std::string_view what, const crypto::Sha384Digest& digest,
                       std::uint32_t algorithm, const snp::EcdsaPublicKey& key,
                       const snp::EcdsaSignature& signature) {
  if (algorithm != snp::signature_algo_ecdsa_p384_sha384) {
    return fail(Code::invalid_input, "{}: algorithm {} found, {} (ECDSA P-384 with SHA-384) wanted",
                what, algorithm, snp::signature_algo_ecdsa_p384_sha384);
  }
  const auto public_key = read_public_key(key);
  if (!public_key) return fail(public_key.error().code, "{}: {}", what, public_key.error().message);
  const auto parsed = read_signature(signature);
  if (!parsed) return fail(parsed.error().code, "{}: {}", what, parsed.error().message);
  if (!public_key->verify_digest(digest, *parsed)) {
    return fail(Code::not_genuine, "{}: the signature does not fit", what);
  }
  return {};
}

bool has_author(const snp::IdAuth& auth) {
  return auth.auth_key_algo != 0 || !all_zero(ByteBuilder().object(auth.author_key).view()) ||
         !all_zero(ByteBuilder().object(auth.id_key_signature).view());
}

}  // namespace

snp::IdAuth sign_id_block(const snp::IdBlock& block, const crypto::EcdsaP384PrivateKey& id_key,
                          const crypto::EcdsaP384PrivateKey* author_key) {
  snp::IdAuth auth;
  auth.id_key_algo = snp::signature_algo_ecdsa_p384_sha384;
  auth.id_key = to_layout(id_key.public_key());
  auth.id_block_signature = to_layout(id_key.sign_digest(digest_of(block)));
  if (author_key != nullptr) {
    auth.auth_key_algo = snp::signature_algo_ecdsa_p384_sha384;
    auth.author_key = to_layout(author_key->public_key());
    auth.id_key_signature = to_layout(author_key->sign_digest(digest_of(auth.id_key)));
  }
  return auth;
}

Result<IdKeyDigests> check_id_block(const snp::IdBlock& block, const snp::IdAuth& auth) {
  if (block.version != snp::id_block_version) {
    return fail(Code::invalid_input, "ID block: version {} found, {} wanted", block.version.get(),
                snp::id_block_version);
  }
  EXTREQ_TRY(check_signature("ID block", digest_of(block), auth.id_key_algo, auth.id_key,
                             auth.id_block_signature));
  IdKeyDigests digests{key_digest(auth.id_key), std::nullopt};
  if (has_author(auth)) {
    EXTREQ_TRY(check_signature("ID key", digest_of(auth.id_key), auth.auth_key_algo,
                               auth.author_key, auth.id_key_signature));
    digests.author_key = key_digest(auth.author_key);
  }
  return digests;
}

}  // namespace extreq::attestation
