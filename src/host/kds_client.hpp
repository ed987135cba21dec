// KdsClient: asks AMD's Key Distribution Service (document 57230), or what stands in for it, for
// certificates and CRLs, and lets through only what was asked for.
//
// Its manners: at most one leaf in ten seconds after a burst (the service's limit for one address);
// after 429 and 503 nothing is asked before Retry-After is over; 404 and other refusals are final;
// threads that need the same answer share one request. It waits only as long as its caller allows:
// if that does not suffice for the next try, it says so at once.
// Lifetime: what it refers to must outlive it. Threading: any thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crypto/crl.hpp"
#include "host/certificate_key.hpp"
#include "host/http.hpp"
#include "host/kds_path.hpp"
#include "host/single_flight.hpp"
#include "host/token_bucket.hpp"

namespace extreq::host {

struct KdsOptions {
  std::string base_url{abi::kds::default_base_url};
  Clock::Duration leaf_interval = std::chrono::seconds(10);
  unsigned leaf_burst = 2;
  // Between tries where the service does not say; doubled each time.
  Clock::Duration first_pause = std::chrono::seconds(1);
  // A longer Retry-After counts as this much: a wrong date must not stop us for a year.
  Clock::Duration longest_pause = std::chrono::minutes(15);
  Clock::Duration request_timeout = std::chrono::seconds(20);  // of one try
  std::size_t size_limit = 64U * 1024U;                        // of any answer but a CRL
  std::size_t crl_size_limit = 1U << 20U;
  Clock* clock = &system_clock();
};

class KdsClient {
 public:
  KdsClient(HttpClient& http, KdsOptions options = {});

  // The leaf, which says of itself that it is for `key`; whoever uses it verifies its chain.
  // Failure of each call: not_found: the service has none; the message takes product, chip id and
  // TCB apart. not_genuine: it answered something else. busy: `max_wait` is over or will be before
  // the service may be asked again; the message has the last cause. io: any other cause.
  [[nodiscard]] Result<crypto::Certificate> leaf(const CertificateKey& key,
                                                 Clock::Duration max_wait);

  // ASK or ASVK, then ARK, by their names; not verified.
  [[nodiscard]] Result<std::vector<crypto::Certificate>> cert_chain(attestation::Product product,
                                                                    KeyKind kind,
                                                                    Clock::Duration max_wait);

  // Not verified.
  [[nodiscard]] Result<crypto::RevocationList> crl(attestation::Product product, KeyKind kind,
                                                   Clock::Duration max_wait);

  // How often each status came back; 0 counts tries without an answer. For metrics.
  [[nodiscard]] std::map<int, std::uint64_t> status_counts() const;

 private:
  struct Try {
    bool final = true;
    Clock::Duration pause{};  // before the next one
    Error error;
  };
  [[nodiscard]] Result<Bytes> fetch(const KdsRequest& request, Clock::Duration max_wait);
  [[nodiscard]] Result<Bytes> fetch_alone(const KdsRequest& request, Clock::TimePoint deadline);
  [[nodiscard]] Status wait_for_turn(const KdsRequest& request, Clock::TimePoint deadline,
                                     const std::string& last_cause);
  [[nodiscard]] Try judge(const KdsRequest& request, const HttpResponse& response,
                          unsigned attempt);
  void count(int status);

  HttpClient& http_;
  const KdsOptions options_;
  TokenBucket leaves_;
  SingleFlight<Bytes> flights_;
  mutable std::mutex mutex_;
  Clock::TimePoint not_before_{};  // guarded by mutex_, as the next
  std::map<int, std::uint64_t> statuses_;
};

}  // namespace extreq::host
