// Endorsement: a VCEK or VLEK and the chain behind it, examined once for as many reports as it
// signs. Examining costs three RSA verifications; a report under it then costs one ECDSA
// verification.
//
// Whoever verifies many reports keeps the endorsement and compares the next leaf with leaf(): the
// same bytes need no second examination. The period of validity is asked anew for each report.
// Lifetime: owns what it needs. Threading: const objects may be used from any number of threads.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "attestation/certificate_table.hpp"
#include "attestation/chain.hpp"
#include "attestation/extensions.hpp"
#include "attestation/report.hpp"

namespace extreq::attestation {

// The certificates under the specification's GUIDs except the CRL; other entries are left out.
// Failure: invalid_input, naming the entry, for one that is no certificate (DER, or PEM).
[[nodiscard]] Result<std::vector<crypto::Certificate>> certificates_of(
    const CertificateTable& table);

class Endorsement {
 public:
  // For a report that `key` signed: the first VCEK or VLEK of `candidates` (in order of
  // preference; anything may be among them) with the chain that Chain::find() gives.
  // What is missing makes its checks fail.
  [[nodiscard]] static Endorsement find(SigningKey key,
                                        std::span<const crypto::Certificate> candidates,
                                        const TrustAnchors& anchors);

  // The leaf that find() would take.
  [[nodiscard]] static std::optional<crypto::Certificate> select_leaf(
      SigningKey key, std::span<const crypto::Certificate> candidates);

  Endorsement(const crypto::Certificate& leaf, Chain chain);

  // What the leaf is by its common name; nullopt without a leaf.
  [[nodiscard]] std::optional<Role> role() const noexcept { return role_; }
  [[nodiscard]] const std::optional<crypto::Certificate>& leaf() const noexcept { return leaf_; }
  [[nodiscard]] const std::optional<Chain>& chain() const noexcept { return chain_; }
  // nullopt if the leaf is missing or malformed; `leaf`'s check then failed.
  [[nodiscard]] const std::optional<Extensions>& extensions() const noexcept { return extensions_; }
  [[nodiscard]] const std::optional<crypto::EcdsaP384PublicKey>& key() const noexcept {
    return key_;
  }

  // Leaf, ASK or ASVK, and root: those of them that there are.
  [[nodiscard]] std::span<const crypto::Certificate> certificates() const noexcept {
    return certificates_;
  }
  // The first of them that is not valid at this moment; nullptr: all are.
  [[nodiscard]] const crypto::Certificate* not_valid_at(std::chrono::sys_seconds at) const noexcept;
  // The first of them that is of another product than the leaf's extensions say.
  [[nodiscard]] const std::optional<crypto::Certificate>& of_another_product() const noexcept {
    return of_another_product_;
  }
  // Whether the root, or a leaf without one, is a software model's (attestation/model_mark.hpp).
  [[nodiscard]] bool model() const noexcept { return model_; }

  // root_trusted, root, intermediate and leaf, in this order.
  [[nodiscard]] const std::vector<Check>& checks() const noexcept { return checks_; }

 private:
  Endorsement() = default;  // nothing was found

  [[nodiscard]] Status read_leaf();
  [[nodiscard]] Status check_leaf_issuer() const;
  void describe_certificates();

  std::optional<crypto::Certificate> leaf_;
  std::optional<Chain> chain_;
  std::optional<Role> role_;
  std::optional<Extensions> extensions_;
  std::optional<crypto::EcdsaP384PublicKey> key_;
  std::vector<crypto::Certificate> certificates_;
  std::chrono::sys_seconds all_valid_from_ = std::chrono::sys_seconds::min();
  std::chrono::sys_seconds all_valid_until_ = std::chrono::sys_seconds::max();
  std::optional<crypto::Certificate> of_another_product_;
  bool model_ = false;
  std::vector<Check> checks_;
};

}  // namespace extreq::attestation
