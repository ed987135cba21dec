#include "attestation/verifier.hpp"

#include <algorithm>

#include "base/byte_builder.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;

bool all_passed(const std::vector<Check>& checks) {
  return std::ranges::all_of(checks,
                             [](const Check& check) { return check.state == CheckState::passed; });
}

// What the bytes of a key are the names of: no two kinds share one.
enum class Kind : std::uint8_t { certificates, table, chain, list };

// Lengths stand before the bytes, so that no two lists of parts are the same bytes.
class KeyBuilder {
 public:
  explicit KeyBuilder(Kind kind) { bytes_.u8(static_cast<std::uint8_t>(kind)); }
  KeyBuilder& number(std::uint8_t value) {
    bytes_.u8(value);
    return *this;
  }
  KeyBuilder& part(ByteView part) {
    bytes_.u64(part.size()).bytes(part);
    return *this;
  }
  KeyBuilder& parts(std::span<const Certificate> certificates) {
    for (const Certificate& certificate : certificates) part(certificate.der());
    return *this;
  }
  [[nodiscard]] crypto::Sha256Digest key() const { return crypto::sha256(bytes_.view()); }

 private:
  ByteBuilder bytes_;
};

ByteView der_of(const std::optional<Certificate>& certificate) noexcept {
  return certificate ? ByteView(certificate->der()) : ByteView();
}

bool asks_for_table(const Expectations& expectations) noexcept {
  return expectations.policy && !expectations.policy->table_rules.empty();
}

}  // namespace

bool looks_at_table(const Expectations& expectations) noexcept {
  return asks_for_table(expectations) || expectations.revocation.mode != RevocationMode::off;
}

Verifier::Verifier(TrustAnchors anchors, const Limits& limits)
    : anchors_(std::move(anchors)),
      endorsements_(limits.endorsements),
      chains_(limits.chains),
      lists_(limits.lists) {}

std::shared_ptr<const Chain> Verifier::chain(const Certificate& leaf,
                                             std::span<const Certificate> candidates) const {
  auto parts = Chain::select(leaf, candidates, anchors_);
  const auto id =
      KeyBuilder(Kind::chain).part(der_of(parts.intermediate)).part(der_of(parts.root)).key();
  if (auto kept = chains_.find(id)) return kept;
  auto made =
      std::make_shared<const Chain>(std::move(parts.intermediate), std::move(parts.root), anchors_);
  return all_passed(made->checks()) ? chains_.insert(id, std::move(made)) : made;
}

Verifier::SharedEndorsement Verifier::find(SigningKey key, const crypto::Sha256Digest& id,
                                           std::span<const Certificate> candidates) const {
  const auto leaf = Endorsement::select_leaf(key, candidates);
  if (!leaf) {
    return std::make_shared<const Endorsement>(Endorsement::find(key, candidates, anchors_));
  }
  auto made = std::make_shared<const Endorsement>(*leaf, *chain(*leaf, candidates));
  return all_passed(made->checks()) ? endorsements_.insert(id, std::move(made)) : made;
}

Verifier::SharedEndorsement Verifier::endorsement(SigningKey key,
                                                  std::span<const Certificate> candidates) const {
  const auto id =
      KeyBuilder(Kind::certificates).number(static_cast<std::uint8_t>(key)).parts(candidates).key();
  if (auto kept = endorsements_.find(id)) return kept;
  return find(key, id, candidates);
}

Result<Verifier::SharedEndorsement> Verifier::endorsement(SigningKey key,
                                                          ByteView certificate_table,
                                                          std::span<const Certificate> more) const {
  const auto id = KeyBuilder(Kind::table)
                      .number(static_cast<std::uint8_t>(key))
                      .part(certificate_table)
                      .parts(more)
                      .key();
  if (auto kept = endorsements_.find(id)) return kept;
  EXTREQ_TRY_ASSIGN(const auto table, CertificateTable::parse(certificate_table));
  EXTREQ_TRY_ASSIGN(auto served, certificates_of(table));
  std::vector<Certificate> candidates(more.begin(), more.end());
  candidates.insert(candidates.end(), served.begin(), served.end());
  return find(key, id, candidates);
}

// A list is kept once the root of a chain that holds has signed it, under its bytes and that
// root's.
Result<std::optional<KnownList>> Verifier::revocation_list(const CertificateTable& table,
                                                           const Endorsement& endorsement) const {
  const auto bytes = table.find(abi::ghcb::certificate_table::guid_crl);
  if (!bytes) return std::nullopt;
  const auto* const root = endorsement.chain() ? &endorsement.chain()->root() : nullptr;
  const auto id = KeyBuilder(Kind::list).part(*bytes).part(root ? der_of(*root) : ByteView()).key();
  if (const auto kept = lists_.find(id)) return *kept;
  EXTREQ_TRY_ASSIGN(auto list, revocation_list_of(table));
  const bool keeps = root && *root && all_passed(endorsement.checks()) && list->signed_by(**root);
  if (keeps) lists_.insert(id, std::make_shared<const KnownList>(*list));
  return list;
}

Result<Expectations> Verifier::with_table(const Expectations& expectations,
                                          ByteView certificate_table,
                                          const Endorsement& endorsement) const {
  Expectations result = expectations;
  if (certificate_table.empty() || !looks_at_table(expectations)) return result;
  EXTREQ_TRY_ASSIGN(auto table, CertificateTable::parse(certificate_table));
  if (expectations.revocation.mode != RevocationMode::off) {
    EXTREQ_TRY_ASSIGN(auto list, revocation_list(table, endorsement));
    if (list) result.revocation.served_lists.push_back(std::move(*list));
  }
  if (asks_for_table(expectations)) {
    result.certificate_table = std::make_shared<const CertificateTable>(std::move(table));
  }
  return result;
}

Verification Verifier::verify(const Report& report, std::span<const Certificate> candidates,
                              std::chrono::sys_seconds at, const Expectations& expectations) const {
  return attestation::verify(report, *endorsement(report.signing_key(), candidates), at,
                             expectations);
}

Result<Verification> Verifier::verify(const Report& report, ByteView certificate_table,
                                      std::chrono::sys_seconds at,
                                      const Expectations& expectations) const {
  EXTREQ_TRY_ASSIGN(const auto found, endorsement(report.signing_key(), certificate_table));
  if (!looks_at_table(expectations)) return attestation::verify(report, *found, at, expectations);
  EXTREQ_TRY_ASSIGN(const auto all, with_table(expectations, certificate_table, *found));
  return attestation::verify(report, *found, at, all);
}

}  // namespace extreq::attestation
