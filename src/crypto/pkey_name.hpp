// What kind of public key OpenSSL holds, in words for messages and decisions.
// Internal to src/crypto/.
#pragma once

#include <string>
#include <string_view>

#include <openssl/types.h>

namespace extreq::crypto {

constexpr std::string_view rsa_4096_name = "RSA-4096";
constexpr std::string_view p384_name = "ECDSA P-384";

// "RSA-4096", "ECDSA P-384", "RSA-2048", "RSA-4096 with an exponent other than 65537",
// "EC on prime256v1", "ED25519", ...; for nullptr "of an unknown kind".
[[nodiscard]] std::string pkey_name(const EVP_PKEY* key);

}  // namespace extreq::crypto
