// CrlRefresher: the key service's revocation lists, fetched, verified and stored, each on its own
// clock: the service does not ration them, and they change while certificates do not.
//
// Lifetime: what it refers to must outlive it. Threading: one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "attestation/trust_anchors.hpp"
#include "base/clock.hpp"
#include "host/kds_client.hpp"
#include "host/store.hpp"

namespace extreq::host {

struct CrlRefreshOptions {
  Clock::Duration interval = std::chrono::hours(1);
  // After a failure; doubled with each in a row, up to `interval`.
  Clock::Duration first_pause = std::chrono::seconds(30);
  Clock::Duration max_wait = std::chrono::seconds(15);  // for the key service, in all
  Clock* clock = &system_clock();                       // must outlive this
};

struct CrlRefresh {
  StoredCrl crl;         // what the store has now
  bool changed = false;  // and had not before
};

class CrlRefresher {
 public:
  CrlRefresher(CertificateStore& store, KdsClient& kds, attestation::TrustAnchors anchors,
               CrlRefreshOptions options = {});

  // Effect: asks the key service now and stores what it answers, if it is genuine, fresh and not
  // older than what is stored.
  // Failure: as KdsClient::crl(); not_genuine: a list that is not to be trusted, or one that is
  // older than the one that is kept, with both numbers; io: the store. What was stored stays.
  [[nodiscard]] Result<CrlRefresh> refresh(attestation::Product product, KeyKind kind);

  // refresh(), if it is due; nullopt if not.
  [[nodiscard]] std::optional<Result<CrlRefresh>> refresh_if_due(attestation::Product product,
                                                                 KeyKind kind);

  // Until refresh_if_due() asks again; zero: now.
  [[nodiscard]] Clock::Duration pause(attestation::Product product, KeyKind kind) const;

 private:
  struct Turn {
    Clock::TimePoint due;
    unsigned failures = 0;  // in a row
  };
  using Name = std::pair<attestation::Product, KeyKind>;

  [[nodiscard]] Result<StoredCrl> check(const crypto::RevocationList& list,
                                        attestation::Product product, KeyKind kind);
  void note(const Name& name, bool done);

  CertificateStore& store_;
  KdsClient& kds_;
  attestation::TrustAnchors anchors_;
  CrlRefreshOptions options_;
  std::map<Name, Turn> turns_;
};

}  // namespace extreq::host
