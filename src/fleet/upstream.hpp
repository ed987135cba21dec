// Upstream: one egress route to the key service. What it fetches is verified before it is stored:
// the leaf by its chain up to a trusted root, and for the key that was asked for.
//
// It asks once for each call and never waits between: when to ask for a leaf is the scheduler's
// decision. Chains and lists have no limit of their own, but none is asked for before the service's
// Retry-After is over.
// Lifetime: what it refers to must outlive it. Threading: any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "attestation/trust_anchors.hpp"
#include "crypto/crl.hpp"
#include "fleet/fetch_scheduler.hpp"
#include "fleet/mirror_records.hpp"
#include "host/http.hpp"
#include "host/kds_path.hpp"
#include "host/store.hpp"

namespace extreq::fleet {

class Upstream {
 public:
  struct Options {
    std::string base_url{abi::kds::default_base_url};
    attestation::TrustAnchors anchors;
    Clock::Duration request_timeout = std::chrono::seconds(20);
    Clock::Duration longest_silence = std::chrono::minutes(15);  // a longer Retry-After counts so
    Clock* clock = &system_clock();
  };
  struct Fetched {
    Outcome outcome;
    std::string problem;                      // unless stored: for the log
    std::optional<crypto::Certificate> leaf;  // if stored
  };

  Upstream(host::HttpClient& http, host::CertificateStore& store, MirrorRecords& records,
           Options options);

  // `key` is what `path` asks for. The chain comes along if the store lacks it.
  [[nodiscard]] Fetched fetch_leaf(const host::CertificateKey& key);

  // Effect: stores the chain's certificates, and its text as it came.
  // Failure: not_genuine for a chain that leads to no trusted root; not_found; io, busy.
  [[nodiscard]] Status fetch_chain(attestation::Product product, host::KeyKind kind);

  // Effect: fetches the list, and stores it if a trusted root of that product signed it. A list
  // without number counts as number 0, one without nextUpdate as over.
  // Returns what the store then has: an older list never replaces a newer one.
  // Failure: as above; not_genuine; invalid_input.
  [[nodiscard]] Result<host::StoredCrl> fetch_crl(attestation::Product product, host::KeyKind kind);
  // The store's list of a trusted root; of several roots' the newest. nullopt: none.
  [[nodiscard]] Result<std::optional<host::StoredCrl>> stored_crl(attestation::Product product,
                                                                  host::KeyKind kind);

  // How often each status came back; 0 counts tries without an answer.
  [[nodiscard]] std::map<int, std::uint64_t> status_counts() const;

 private:
  [[nodiscard]] Result<host::HttpResponse> ask(const host::KdsRequest& request,
                                               std::size_t size_limit);
  [[nodiscard]] Result<Bytes> body_of(const host::KdsRequest& request, std::size_t size_limit);
  [[nodiscard]] std::optional<Clock::Duration> silence_of(const host::HttpResponse& response) const;
  [[nodiscard]] Fetched refused(const host::HttpResponse& response) const;
  [[nodiscard]] Result<crypto::Certificate> accept(const host::CertificateKey& key,
                                                   const Bytes& body);
  [[nodiscard]] Result<std::vector<crypto::Certificate>> trusted_roots(attestation::Product product,
                                                                       host::KeyKind kind);
  // Failure: not_genuine if none of the store's trusted roots signed the list.
  [[nodiscard]] Result<crypto::Certificate> signer_of(const crypto::RevocationList& list,
                                                      attestation::Product product,
                                                      host::KeyKind kind);

  host::HttpClient& http_;
  host::CertificateStore& store_;
  MirrorRecords& records_;
  const Options options_;
  mutable std::mutex mutex_;  // guards all below
  std::map<int, std::uint64_t> statuses_;
  Clock::TimePoint quiet_until_{};
};

}  // namespace extreq::fleet
