// Keys in OpenSSL's hands: out of PEM, and their kind in words for messages and decisions.
// Internal to src/crypto/.
#pragma once

#include <string>
#include <string_view>

#include "crypto/openssl.hpp"

namespace extreq::crypto {

constexpr std::string_view rsa_4096_name = "RSA-4096";
constexpr std::string_view p384_name = "ECDSA P-384";

// "RSA-4096", "ECDSA P-384", "RSA-2048", "RSA-4096 with an exponent other than 65537",
// "EC on prime256v1", "ED25519", ...; for nullptr "of an unknown kind".
[[nodiscard]] std::string pkey_name(const EVP_PKEY* key);

// One unencrypted private key of any kind; nobody is asked for a passphrase.
// Failure: invalid_input with OpenSSL's reason.
[[nodiscard]] Result<UniquePkey> private_key_from_pem(ByteView pem);

}  // namespace extreq::crypto
