// Authority: the model's own ARK, ASK and ASVK, one set for each installation.
//
// They look like AMD's (names, serials, extensions, validity), and their subjects say that they are
// not: organization "extreq software model", common names with the mark of
// attestation/model_mark.hpp. Nobody trusts this root who does not name it.
// Lifetime: handles to immutable keys and certificates; copies share them. Threading: any.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "attestation/product.hpp"
#include "crypto/certificate_builder.hpp"
#include "crypto/rsa.hpp"
#include "crypto/x509.hpp"

namespace extreq::firmware::model {

struct AuthorityKeys {
  std::shared_ptr<const crypto::RsaPrivateKey> ark;
  std::shared_ptr<const crypto::RsaPrivateKey> ask;
  std::shared_ptr<const crypto::RsaPrivateKey> asvk;

  // Three RSA-4096 keys, made side by side: a few seconds. Failure: as RsaPrivateKey::generate.
  [[nodiscard]] static Result<AuthorityKeys> generate();
};

class Authority {
 public:
  // Failure: as issue_certificate.
  [[nodiscard]] static Result<Authority> create(AuthorityKeys keys, attestation::Product product,
                                                std::chrono::sys_seconds now);

  // Files of an existing directory: {ark,ask,asvk}.pem (keys, mode 0600) and .der. One process at a
  // time saves: the caller has the directory's lock. Failure: io, and
  // for load() what the files are not: not_found, invalid_input; not_genuine if a certificate is
  // not the key's or not signed by the ARK.
  [[nodiscard]] Status save(const std::string& directory) const;
  [[nodiscard]] static Result<Authority> load(const std::string& directory);

  [[nodiscard]] const crypto::Certificate& ark() const noexcept { return ark_; }
  [[nodiscard]] const crypto::Certificate& ask() const noexcept { return ask_; }
  [[nodiscard]] const crypto::Certificate& asvk() const noexcept { return asvk_; }
  [[nodiscard]] const AuthorityKeys& keys() const noexcept { return keys_; }
  [[nodiscard]] const crypto::RsaPrivateKey& ask_key() const noexcept { return *keys_.ask; }
  [[nodiscard]] const crypto::RsaPrivateKey& asvk_key() const noexcept { return *keys_.asvk; }

 private:
  Authority(AuthorityKeys keys, const crypto::Certificate& ark, const crypto::Certificate& ask,
            const crypto::Certificate& asvk)
      : keys_(std::move(keys)), ark_(ark), ask_(ask), asvk_(asvk) {}

  AuthorityKeys keys_;
  crypto::Certificate ark_;
  crypto::Certificate ask_;
  crypto::Certificate asvk_;
};

// Names of the model's certificates.
[[nodiscard]] crypto::DistinguishedName ask_name(attestation::Product product);
[[nodiscard]] crypto::DistinguishedName asvk_name(attestation::Product product);
[[nodiscard]] crypto::DistinguishedName leaf_name(std::string common_name);

}  // namespace extreq::firmware::model
