// AES-256-GCM with a 12-byte IV and a 16-byte tag: the one cipher of guest messages.
//
// NIST SP 800-38D. OpenSSL stands behind it (AES-NI, VAES where the machine has them). Each call
// has a context of its own, freed and wiped before it returns: reusing one per thread was measured
// and saves about a tenth of a microsecond, only if the key stays in it.
//
// One IV must never seal two different messages under one key: the caller counts.
// Plaintext and ciphertext have the same size and may be the same memory; they may not overlap in
// any other way. `tag` may not lie inside them.
// Threading: any thread.
#pragma once

#include "base/bytes.hpp"

namespace extreq::crypto {

constexpr std::size_t aes_gcm_key_size = 32;
constexpr std::size_t aes_gcm_iv_size = 12;
constexpr std::size_t aes_gcm_tag_size = 16;

using AesGcmKeyView = std::span<const std::uint8_t, aes_gcm_key_size>;
using AesGcmIvView = std::span<const std::uint8_t, aes_gcm_iv_size>;

// Effect: writes `ciphertext` and `tag`; `aad` is authenticated and not encrypted.
// Failure: invalid_input if the sizes differ; unsupported if OpenSSL refuses, with its reason.
// `ciphertext` and `tag` are then zero.
[[nodiscard]] Status aes_gcm_seal(AesGcmKeyView key, AesGcmIvView iv, ByteView aad,
                                  ByteView plaintext, MutableByteView ciphertext,
                                  std::span<std::uint8_t, aes_gcm_tag_size> tag);

// Effect: checks `tag` over `aad` and `ciphertext` and writes `plaintext`.
// Failure: not_genuine if the tag does not fit; invalid_input and unsupported as above.
// `plaintext` is then zero: what was decrypted before the check never stays.
[[nodiscard]] Status aes_gcm_open(AesGcmKeyView key, AesGcmIvView iv, ByteView aad,
                                  ByteView ciphertext, MutableByteView plaintext,
                                  std::span<const std::uint8_t, aes_gcm_tag_size> tag);

}  // namespace extreq::crypto
