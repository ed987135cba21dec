#include "firmware/model/test_authority.hpp"

#include "crypto/test_keys.hpp"

namespace extreq::firmware::model {
namespace {

// The test keys live until the process ends: a pointer that owns nothing.
std::shared_ptr<const crypto::RsaPrivateKey> borrowed(const crypto::RsaPrivateKey& key) {
  return {std::shared_ptr<void>(), &key};
}

}  // namespace

AuthorityKeys test_authority_keys() {
  return {borrowed(crypto::test_rsa_key("ark")), borrowed(crypto::test_rsa_key("ask")),
          borrowed(crypto::test_rsa_key("asvk"))};
}

}  // namespace extreq::firmware::model
