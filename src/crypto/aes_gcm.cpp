#include "crypto/aes_gcm.hpp"

#include <algorithm>
#include <limits>

#include "base/secret.hpp"
#include "crypto/openssl.hpp"

namespace extreq::crypto {
namespace {

using UniqueCipherContext = std::unique_ptr<EVP_CIPHER_CTX, OwnedBy<&EVP_CIPHER_CTX_free>>;

// Fetched once and kept until the process ends: a fetch costs more than sealing a message.
const EVP_CIPHER* aes_256_gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

Status check_sizes(ByteView aad, ByteView in, MutableByteView out) {
  if (in.size() != out.size()) {
    return fail(Code::invalid_input, "AES-GCM: {} bytes go in, there is room for {}", in.size(),
                out.size());
  }
  constexpr std::size_t most = std::numeric_limits<int>::max();
  if (in.size() > most || aad.size() > most) {
    return fail(Code::invalid_input, "AES-GCM: {} bytes and {} authenticated ones, at most {} fit",
                in.size(), aad.size(), most);
  }
  return {};
}

// Everything between key and tag is the same in both directions.
bool process(EVP_CIPHER_CTX* context, bool encrypt, AesGcmKeyView key, AesGcmIvView iv,
             ByteView aad, ByteView in, MutableByteView out) {
  int written = 0;
  if (EVP_CipherInit_ex2(context, aes_256_gcm(), key.data(), iv.data(), encrypt ? 1 : 0, nullptr) !=
      1) {
    return false;
  }
  if (!aad.empty() &&
      EVP_CipherUpdate(context, nullptr, &written, aad.data(), static_cast<int>(aad.size())) != 1) {
    return false;
  }
  return in.empty() || EVP_CipherUpdate(context, out.data(), &written, in.data(),
                                        static_cast<int>(in.size())) == 1;
}

}  // namespace

Status aes_gcm_seal(AesGcmKeyView key, AesGcmIvView iv, ByteView aad, ByteView plaintext,
                    MutableByteView ciphertext, std::span<std::uint8_t, aes_gcm_tag_size> tag) {
  const OpensslErrors errors;
  auto status = check_sizes(aad, plaintext, ciphertext);
  if (status) {
    const UniqueCipherContext context(EVP_CIPHER_CTX_new());
    std::array<std::uint8_t, aes_gcm_tag_size> none;
    int written = 0;
    if (context && process(context.get(), true, key, iv, aad, plaintext, ciphertext) &&
        EVP_CipherFinal_ex(context.get(), none.data(), &written) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, aes_gcm_tag_size, tag.data()) ==
            1) {
      return {};
    }
    status = fail(Code::unsupported, "seal with AES-256-GCM: {}", errors.reason());
  }
  wipe(ciphertext);
  wipe(tag);
  return status;
}

Status aes_gcm_open(AesGcmKeyView key, AesGcmIvView iv, ByteView aad, ByteView ciphertext,
                    MutableByteView plaintext,
                    std::span<const std::uint8_t, aes_gcm_tag_size> tag) {
  const OpensslErrors errors;
  auto status = check_sizes(aad, ciphertext, plaintext);
  if (status) {
    const UniqueCipherContext context(EVP_CIPHER_CTX_new());
    // OpenSSL's interface takes the tag without const.
    std::array<std::uint8_t, aes_gcm_tag_size> expected;
    std::copy(tag.begin(), tag.end(), expected.begin());
    std::array<std::uint8_t, aes_gcm_tag_size> none;
    int written = 0;
    if (!context || !process(context.get(), false, key, iv, aad, ciphertext, plaintext) ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, aes_gcm_tag_size,
                            expected.data()) != 1) {
      status = fail(Code::unsupported, "open with AES-256-GCM: {}", errors.reason());
    } else if (EVP_CipherFinal_ex(context.get(), none.data(), &written) == 1) {
      return {};
    } else {
      status = fail(Code::not_genuine,
                    "AES-256-GCM: the tag does not fit the {} bytes, their {} authenticated ones, "
                    "the IV or the key",
                    ciphertext.size(), aad.size());
    }
  }
  wipe(plaintext);
  return status;
}

}  // namespace extreq::crypto
