#include "host/crl_refresher.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "host/crl_check.hpp"

namespace extreq::host {

using attestation::Product;

CrlRefresher::CrlRefresher(CertificateStore& store, KdsClient& kds,
                           attestation::TrustAnchors anchors, CrlRefreshOptions options)
    : store_(store), kds_(kds), anchors_(std::move(anchors)), options_(options) {}

// The chain that is stored serves as long as it fits: one request less.
Result<StoredCrl> CrlRefresher::check(const crypto::RevocationList& list, Product product,
                                      KeyKind kind) {
  const auto now = options_.clock->utc();
  EXTREQ_TRY_ASSIGN(auto authorities, store_.authorities(product, kind));
  auto crl = check_crl(list, product, kind, authorities, anchors_, now, Freshness::valid_now);
  if (crl) return crl;
  EXTREQ_TRY_ASSIGN(authorities, kds_.cert_chain(product, kind, options_.max_wait));
  return check_crl(list, product, kind, authorities, anchors_, now, Freshness::valid_now);
}

Result<CrlRefresh> CrlRefresher::refresh(Product product, KeyKind kind) {
  EXTREQ_TRY_ASSIGN(const auto list, kds_.crl(product, kind, options_.max_wait));
  EXTREQ_TRY_ASSIGN(StoredCrl crl, check(list, product, kind));
  EXTREQ_TRY_ASSIGN(const auto before, store_.crl(product, kind, crl.issuer));
  EXTREQ_TRY_ASSIGN(const PutCrl put, store_.put_crl(crl));
  if (put == PutCrl::kept_newer) {
    EXTREQ_TRY_ASSIGN(const auto kept, store_.crl(product, kind, crl.issuer));
    return fail(Code::not_genuine, "KDS gave an older list, a {}; kept: {}", to_text(crl),
                kept ? to_text(*kept) : "none");
  }
  const bool changed = !before || before->der != crl.der;
  return CrlRefresh{std::move(crl), changed};
}

std::optional<Result<CrlRefresh>> CrlRefresher::refresh_if_due(Product product, KeyKind kind) {
  if (pause(product, kind) > Clock::Duration::zero()) return std::nullopt;
  auto done = refresh(product, kind);
  note({product, kind}, done.has_value());
  return done;
}

Clock::Duration CrlRefresher::pause(Product product, KeyKind kind) const {
  const auto turn = turns_.find({product, kind});
  if (turn == turns_.end()) return {};
  return std::max(turn->second.due - options_.clock->now(), Clock::Duration::zero());
}

void CrlRefresher::note(const Name& name, bool done) {
  constexpr unsigned most_doublings = 16;
  Turn& turn = turns_[name];
  auto pause = options_.interval;
  if (!done) {
    pause = std::min(pause, options_.first_pause * (1U << std::min(turn.failures, most_doublings)));
  }
  turn.failures = done ? 0 : turn.failures + 1;
  turn.due = options_.clock->now() + pause;
}

}  // namespace extreq::host
