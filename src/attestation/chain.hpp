// Chain: AMD's two certificate authorities behind a signing key, examined once for any number of
// leaves: the ARK, which signs itself, and under it the ASK (for VCEKs) or the ASVK (for VLEKs).
// Document 57230; signatures are RSASSA-PSS with SHA-384 by RSA-4096 keys.
//
// Asked of a CA: basicConstraints with CA, keyUsage with keyCertSign, and a path length that
// suffices. A leaf may be without any standard extension (no key identifiers, no keyUsage, no
// basicConstraints), as AMD's are; AMD's other deviations from RFC 5280 are in crypto/x509.hpp.
// Not asked here: the period of validity, because it depends on the moment (see verification.hpp),
// and revocation.
// Threading: const objects may be used from any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/checks.hpp"
#include "attestation/product.hpp"
#include "attestation/trust_anchors.hpp"
#include "crypto/x509.hpp"

namespace extreq::attestation {

enum class Role : std::uint8_t { ark, ask, asvk, vcek, vlek };

// "ARK", "ASK", "ASVK", "VCEK", "VLEK"
[[nodiscard]] std::string_view to_text(Role role) noexcept;

struct Subject {
  Role role{};
  std::optional<Product> product;  // of an ARK, ASK or ASVK
};

// From the subject's common name: "ARK-Milan", "SEV-Milan", "SEV-VLEK-Milan", "SEV-VCEK",
// "SEV-VLEK", with or without a remark in brackets behind it. Under the GUID of the ASK an
// extended guest request carries ASK or ASVK: this is what tells them apart. nullopt for others.
[[nodiscard]] std::optional<Subject> subject_of(const crypto::Certificate& certificate);

// The name of a certificate in messages: its subject's common name, or the whole subject if it has
// none. It lives as long as the certificate.
[[nodiscard]] const std::string& display_name(const crypto::Certificate& certificate) noexcept;

class Chain {
 public:
  // The chain for `leaf` out of `candidates`, which may hold anything, in order of preference. A
  // root that is trusted goes before one that is not, and the roots that the user named are
  // candidates too.
  [[nodiscard]] static Chain find(const crypto::Certificate& leaf,
                                  std::span<const crypto::Certificate> candidates,
                                  const TrustAnchors& anchors);

  // The two certificates that find() would examine, before it examines them.
  struct Parts {
    std::optional<crypto::Certificate> intermediate;
    std::optional<crypto::Certificate> root;
  };
  [[nodiscard]] static Parts select(const crypto::Certificate& leaf,
                                    std::span<const crypto::Certificate> candidates,
                                    const TrustAnchors& anchors);

  // What is missing makes its checks fail.
  Chain(std::optional<crypto::Certificate> intermediate, std::optional<crypto::Certificate> root,
        const TrustAnchors& anchors);

  [[nodiscard]] const std::optional<crypto::Certificate>& intermediate() const noexcept {
    return intermediate_;
  }
  [[nodiscard]] const std::optional<crypto::Certificate>& root() const noexcept { return root_; }

  // Why the root is trusted; nullopt if it is not.
  [[nodiscard]] std::optional<TrustAnchors::Kind> trust() const noexcept { return trust_; }

  // root_trusted, root and intermediate.
  [[nodiscard]] const std::vector<Check>& checks() const noexcept { return checks_; }

 private:
  std::optional<crypto::Certificate> intermediate_;
  std::optional<crypto::Certificate> root_;
  std::optional<TrustAnchors::Kind> trust_;
  std::vector<Check> checks_;
};

}  // namespace extreq::attestation
