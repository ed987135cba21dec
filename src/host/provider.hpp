// TableProvider: the certificate table for a signing state: from the store, and from the key
// service what the store lacks.
//
// Everything in a table was verified: chain up to a trusted root, product, chip, TCB. What came
// from the key service is stored after that, and never asked for again while it is valid. A
// certificate that was stored once serves through outages and through a clock that was set back:
// only its end of validity counts then.
#pragma once

#include <functional>
#include <string>

#include "attestation/trust_anchors.hpp"
#include "base/clock.hpp"
#include "host/certificate_key.hpp"
#include "host/kds_client.hpp"
#include "host/signing_state.hpp"
#include "host/store.hpp"
#include "host/table_parts.hpp"

namespace extreq::host {

struct ProviderOptions {
  Clock::Duration max_wait = std::chrono::seconds(60);  // for the key service, in all
  std::size_t table_size_limit = lease::table_size_limit;
  // Told why what was fetched could not be stored; it is served all the same. May be empty.
  std::function<void(const Error&)> on_store_failure = {};
  Clock* clock = &system_clock();  // must outlive the provider
};

// Whom the provider asks first. A VLEK that is being loaded comes from the key service just now,
// and so should its certificate: the stored one may be of an earlier VLEK for the same provider and
// TCB.
enum class AskFirst : std::uint8_t { store, key_service_for_vlek };

class TableProvider {
 public:
  // `kds`: nullptr: the store alone (a machine without network). What is given must outlive it.
  TableProvider(CertificateStore& store, KdsClient* kds, attestation::TrustAnchors anchors,
                ProviderOptions options = {});

  // Leaf, ASK or ASVK, ARK and, if the store has a fresh one, the CRL; at most table_size_limit:
  // without the CRL, then without the ARK, else too_small.
  // Failure: not_found: neither store nor key service have them, with both reasons; not_genuine:
  // the service answered something that is not to be served; busy: no answer within max_wait;
  // unsupported: a VLEK is loaded, and it is not known whose; io.
  // key_service_for_vlek: the store serves only if the key service does not answer in time, or
  // there is none. Threading: any thread.
  [[nodiscard]] Result<Bytes> table_for(const SigningState& state,
                                        AskFirst first = AskFirst::store);

  // table_for() as the function that UpdateTransaction takes. Lifetime: must not outlive this.
  [[nodiscard]] CertificateProvider provider(AskFirst first = AskFirst::store);

  // The same without a table: makes sure that the store has what `key` needs. Failure also:
  // unsupported: `key` names no provider, and VLEKs of several are stored.
  [[nodiscard]] Status prefetch(const CertificateKey& key);

 private:
  [[nodiscard]] Result<TableParts> parts_for(const CertificateKey& key);
  [[nodiscard]] Result<TableParts> fresh_parts_for(const CertificateKey& key);
  [[nodiscard]] Result<TableParts> from_store(const CertificateKey& key);
  [[nodiscard]] Result<TableParts> from_kds(const CertificateKey& key, Clock::TimePoint deadline);
  [[nodiscard]] Result<std::vector<crypto::Certificate>> fetch_authorities(
      const CertificateKey& key, Clock::TimePoint deadline);
  [[nodiscard]] Bytes fresh_crl(const CertificateKey& key, const crypto::Certificate& root);

  CertificateStore& store_;
  KdsClient* kds_;
  attestation::TrustAnchors anchors_;
  ProviderOptions options_;
};

}  // namespace extreq::host
