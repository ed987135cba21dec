// RSA keys for tests, made once per build tree: RSA-4096 takes seconds, and every test wants it.
#pragma once

#include <string_view>

#include "crypto/rsa.hpp"

namespace extreq::crypto {

// Effect: the key of that role ("ark", "ask", "asvk", ...): the same one for as long as the folder
// $EXTREQ_TEST_KEYS lives, in every test program; where the variable is not set, the same one for
// as long as the process lives. `role` is a file name.
// Failure: throws std::runtime_error, which fails the test.
// Lifetime: until the process ends. Threading: any thread, any number of processes.
[[nodiscard]] const RsaPrivateKey& test_rsa_key(std::string_view role);

}  // namespace extreq::crypto
