#include "crypto/hash.hpp"

#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include "crypto/wiped.hpp"

namespace extreq::crypto {
namespace {

// The shape in which nettle_hkdf_extract and nettle_hkdf_expand want a MAC.
void update(void* context, std::size_t length, const std::uint8_t* data) {
  hmac_sha384_update(static_cast<hmac_sha384_ctx*>(context), length, data);
}

void digest(void* context, std::size_t length, std::uint8_t* out) {
  hmac_sha384_digest(static_cast<hmac_sha384_ctx*>(context), length, out);
}

}  // namespace

Sha256Digest sha256(ByteView data) noexcept {
  Wiped<sha256_ctx> context;
  Sha256Digest result;
  sha256_init(&context.value);
  sha256_update(&context.value, data.size(), data.data());
  sha256_digest(&context.value, result.size(), result.data());
  return result;
}

Sha384Digest sha384(ByteView data) noexcept {
  Wiped<sha384_ctx> context;
  Sha384Digest result;
  sha384_init(&context.value);
  sha384_update(&context.value, data.size(), data.data());
  sha384_digest(&context.value, result.size(), result.data());
  return result;
}

Sha384Digest hmac_sha384(ByteView key, ByteView data) noexcept {
  Wiped<hmac_sha384_ctx> context;
  Sha384Digest result;
  hmac_sha384_set_key(&context.value, key.size(), key.data());
  hmac_sha384_update(&context.value, data.size(), data.data());
  hmac_sha384_digest(&context.value, result.size(), result.data());
  return result;
}

void hkdf_sha384(ByteView key, ByteView salt, ByteView info, MutableByteView out) noexcept {
  Wiped<hmac_sha384_ctx> context;
  Wiped<Sha384Digest> pseudorandom_key;
  hmac_sha384_set_key(&context.value, salt.size(), salt.data());
  hkdf_extract(&context.value, update, digest, SHA384_DIGEST_SIZE, key.size(), key.data(),
               pseudorandom_key.value.data());
  hmac_sha384_set_key(&context.value, pseudorandom_key.value.size(), pseudorandom_key.value.data());
  hkdf_expand(&context.value, update, digest, SHA384_DIGEST_SIZE, info.size(), info.data(),
              out.size(), out.data());
}

}  // namespace extreq::crypto
