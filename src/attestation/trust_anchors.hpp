// TrustAnchors: the roots that count. AMD's, pinned in the program by the SHA-256 of their DER, and
// those that the user names. A root that comes with the evidence is never trusted for that.
//
// Threading: const objects may be used from any number of threads.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "crypto/hash.hpp"
#include "crypto/x509.hpp"

namespace extreq::attestation {

class TrustAnchors {
 public:
  enum class Kind : std::uint8_t {
    amd,    // pinned here
    named,  // by the user
  };

  TrustAnchors() = default;  // AMD's alone

  // Effect: trusts `root` too, whoever made it.
  // Failure: invalid_input if it is not self-issued: nothing below a root is an anchor.
  [[nodiscard]] Status add(const crypto::Certificate& root);

  // Compares all bytes (AMD's roots by their SHA-256). nullopt: not trusted.
  [[nodiscard]] std::optional<Kind> find(const crypto::Certificate& root) const;

  // The roots named: candidates where the evidence brings no root along.
  [[nodiscard]] const std::vector<crypto::Certificate>& named() const noexcept { return named_; }

 private:
  std::vector<crypto::Certificate> named_;
};

// "ARK-Milan" and so on for AMD's pinned roots; nullopt for any other certificate.
[[nodiscard]] std::optional<std::string_view> amd_root_name(const crypto::Certificate& certificate);

}  // namespace extreq::attestation
