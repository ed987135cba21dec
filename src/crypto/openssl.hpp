// What every file of this folder that calls OpenSSL needs: owners, and the reason of a failure.
// Internal to src/crypto/.
#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/bytes.hpp"

namespace extreq::crypto {

// OwnedBy<&X509_free>: the deleter of std::unique_ptr<X509, OwnedBy<&X509_free>>.
template <auto free_function>
struct OwnedBy {
  template <class T>
  void operator()(T* object) const noexcept {
    free_function(object);
  }
};

using UniqueBio = std::unique_ptr<BIO, OwnedBy<&BIO_free_all>>;
using UniquePkey = std::unique_ptr<EVP_PKEY, OwnedBy<&EVP_PKEY_free>>;
using UniquePkeyContext = std::unique_ptr<EVP_PKEY_CTX, OwnedBy<&EVP_PKEY_CTX_free>>;
using UniqueDigestContext = std::unique_ptr<EVP_MD_CTX, OwnedBy<&EVP_MD_CTX_free>>;

// Empties this thread's OpenSSL error queue on the way in and out, so that no later call, of ours
// or of the program around us, takes our failure for its own.
class OpensslErrors {
 public:
  OpensslErrors() noexcept { ERR_clear_error(); }
  ~OpensslErrors() { ERR_clear_error(); }
  OpensslErrors(const OpensslErrors&) = delete;
  OpensslErrors& operator=(const OpensslErrors&) = delete;
  OpensslErrors(OpensslErrors&&) = delete;
  OpensslErrors& operator=(OpensslErrors&&) = delete;

  // OpenSSL's words for the failure that just happened: the first error queued is the cause.
  [[nodiscard]] std::string reason() const {
    const char* const text = ERR_reason_error_string(ERR_peek_error());
    return text != nullptr ? text : "OpenSSL gives no reason";
  }
};

// All that was written to a memory BIO.
[[nodiscard]] inline std::string read_text(BIO* bio) {
  std::string text(BIO_ctrl_pending(bio), '\0');
  const int size = BIO_read(bio, text.data(), static_cast<int>(text.size()));
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

// What one of OpenSSL's i2d functions writes; empty if it fails.
template <class T>
[[nodiscard]] Bytes encode(int (*encoder)(const T*, std::uint8_t**), const T* object) {
  const int size = encoder(object, nullptr);
  if (size <= 0) return {};
  Bytes result(static_cast<std::size_t>(size));
  std::uint8_t* at = result.data();
  encoder(object, &at);
  return result;
}

}  // namespace extreq::crypto
