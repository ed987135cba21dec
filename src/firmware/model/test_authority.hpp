// AuthorityKeys for tests, made once per build tree (crypto/test_keys.hpp). Only tests link it.
#pragma once

#include "firmware/model/authority.hpp"

namespace extreq::firmware::model {

// Failure: throws, which fails the test.
[[nodiscard]] AuthorityKeys test_authority_keys();

}  // namespace extreq::firmware::model
