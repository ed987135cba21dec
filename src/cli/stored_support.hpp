// What a store of certificates (doc/store.md) gives to `extreq verify`. Programs for guests have no
// database: they have the verb without it.
#pragma once

#include <string>
#include <vector>

#include "attestation/revocation.hpp"
#include "base/result.hpp"
#include "crypto/x509.hpp"

namespace extreq::cli {

struct StoredSupport {
  std::vector<crypto::Certificate> certificates;
  std::vector<attestation::KnownList> lists;  // each with the key that the store has it for
};

using ReadStore = Result<StoredSupport> (*)(const std::string& path);

// Everything in the store at `path`. Failure: not_found, never made anew; io; invalid_input for a
// list in it that is none.
[[nodiscard]] Result<StoredSupport> read_stored_support(const std::string& path);

}  // namespace extreq::cli
