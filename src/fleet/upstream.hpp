// Upstream: one egress route to the key service. What it fetches is verified before it is stored:
// the leaf by its chain up to a trusted root, and for the key that was asked for.
//
// It asks once for each call and never waits between: when to ask is the scheduler's decision.
// Lifetime: what it refers to must outlive it. Threading: any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "attestation/trust_anchors.hpp"
#include "fleet/fetch_scheduler.hpp"
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

  Upstream(host::HttpClient& http, host::CertificateStore& store, Options options);

  // `key` is what `path` asks for. The chain comes along if the store lacks it.
  [[nodiscard]] Fetched fetch_leaf(const host::CertificateKey& key);

  // Failure: not_genuine for a chain that leads to no trusted root; not_found; io, busy.
  [[nodiscard]] Status fetch_chain(attestation::Product product, host::KeyKind kind);
  // The bytes as they came. Failure: as above.
  [[nodiscard]] Result<Bytes> fetch_crl(attestation::Product product, host::KeyKind kind);

  // How often each status came back; 0 counts tries without an answer.
  [[nodiscard]] std::map<int, std::uint64_t> status_counts() const;

 private:
  [[nodiscard]] Result<host::HttpResponse> ask(const host::KdsRequest& request,
                                               std::size_t size_limit);
  [[nodiscard]] Result<Bytes> body_of(const host::KdsRequest& request, std::size_t size_limit);
  [[nodiscard]] Fetched refused(const host::HttpResponse& response) const;
  [[nodiscard]] Result<crypto::Certificate> accept(const host::CertificateKey& key,
                                                   const Bytes& body);

  host::HttpClient& http_;
  host::CertificateStore& store_;
  const Options options_;
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> statuses_;  // guarded by mutex_
};

}  // namespace extreq::fleet
