// Verifier: verify() for streams of reports: what it found out about a chain or a leaf, it keeps
// (doc/verifier.md).
//
// Effect: the verdicts, checks and reasons are those of verify() with the same inputs, always. What
// is kept is keyed by the SHA-256 of the certificates' bytes, so that nothing but the same bytes
// finds it again. Only endorsements whose every check passed are kept: who sends bad certificates
// costs time, and drives nothing good out. What depends on the report or on the moment (validity)
// is asked anew for each report.
// No network, no files, no global state.
// Threading: const and thread-safe throughout: one Verifier for any number of threads.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "attestation/bounded_cache.hpp"
#include "attestation/verification.hpp"

namespace extreq::attestation {

// Whether anything of a certificate table but its certificates matters to them.
[[nodiscard]] bool looks_at_table(const Expectations& expectations) noexcept;

class Verifier {
 public:
  struct Limits {
    std::size_t endorsements = 4096;  // leaves, each with the table or list it came in
    std::size_t chains = 64;          // pairs of ASK or ASVK and ARK
    std::size_t lists = 64;           // revocation lists of tables, that the root of a leaf signed
  };
  // Who stays in shared ownership with the cache.
  using SharedEndorsement = std::shared_ptr<const Endorsement>;

  explicit Verifier(TrustAnchors anchors) : Verifier(std::move(anchors), Limits()) {}
  // `limits` of 0 are taken as 1.
  Verifier(TrustAnchors anchors, const Limits& limits);

  [[nodiscard]] const TrustAnchors& anchors() const noexcept { return anchors_; }

  // What Endorsement::find() gives for these certificates. Never nullptr.
  [[nodiscard]] SharedEndorsement endorsement(
      SigningKey key, std::span<const crypto::Certificate> candidates) const;
  // The same for certificates_of() a table, behind `more`. Of a table that is kept no certificate
  // is parsed. Failure: as CertificateTable::parse() and certificates_of().
  [[nodiscard]] Result<SharedEndorsement> endorsement(
      SigningKey key, ByteView certificate_table,
      std::span<const crypto::Certificate> more = {}) const;

  // `expectations` for a report that came with this table, from which `endorsement` was found:
  // where they ask for it, with the table for the policy's rules, and its list behind the served
  // ones. Failure: as CertificateTable::parse() and revocation_list_of().
  [[nodiscard]] Result<Expectations> with_table(const Expectations& expectations,
                                                ByteView certificate_table,
                                                const Endorsement& endorsement) const;

  // attestation::verify() of the endorsements above, the second with_table().
  [[nodiscard]] Verification verify(const Report& report,
                                    std::span<const crypto::Certificate> candidates,
                                    std::chrono::sys_seconds at,
                                    const Expectations& expectations) const;
  [[nodiscard]] Result<Verification> verify(const Report& report, ByteView certificate_table,
                                            std::chrono::sys_seconds at,
                                            const Expectations& expectations) const;

  struct Kept {
    std::size_t endorsements;
    std::size_t chains;
    std::size_t lists;
  };
  [[nodiscard]] Kept kept() const { return {endorsements_.size(), chains_.size(), lists_.size()}; }

 private:
  [[nodiscard]] SharedEndorsement find(SigningKey key, const crypto::Sha256Digest& id,
                                       std::span<const crypto::Certificate> candidates) const;
  [[nodiscard]] std::shared_ptr<const Chain> chain(
      const crypto::Certificate& leaf, std::span<const crypto::Certificate> candidates) const;
  [[nodiscard]] Result<std::optional<KnownList>> revocation_list(
      const CertificateTable& table, const Endorsement& endorsement) const;

  TrustAnchors anchors_;
  mutable BoundedCache<Endorsement> endorsements_;
  mutable BoundedCache<Chain> chains_;
  mutable BoundedCache<KnownList> lists_;
};

}  // namespace extreq::attestation
