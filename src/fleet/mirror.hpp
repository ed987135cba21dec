// Mirror: answers the key service's paths (host/kds_path.hpp) from the store, and fills the store.
//
// A leaf that the store has is answered at once and may be cached for good. One that it lacks is
// wanted as demand, and the request waits for it, at most `patience`; then 503 with Retry-After,
// while the fetch goes on. What the service does not have is 404 without asking it again for a
// while. Chains are the service's own text, fetched once; CRLs are kept in the store, fetched on
// their own clock (crl_keeper.hpp), and served also while no newer one can be had: past its time a
// list is marked (Warning 110) and not to be cached.
// Any number of mirrors work on one store and one ledger: each item is fetched by one of them.
//
// Lifetime: what it refers to must outlive it; the destructor ends its threads, which takes no
// longer than one request upstream. Threading: answer() from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fleet/crl_keeper.hpp"
#include "fleet/fetch_scheduler.hpp"
#include "fleet/mirror_answer.hpp"
#include "fleet/mirror_records.hpp"
#include "fleet/static_layout.hpp"
#include "fleet/upstream.hpp"
#include "host/single_flight.hpp"

namespace extreq::fleet {

struct MirrorCounts {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t waited_in_vain = 0;  // 503
  std::uint64_t absent = 0;          // 404 from memory or from the service
  std::uint64_t refused = 0;         // 400
  std::uint64_t store_failures = 0;
};

class Mirror {
 public:
  struct Options {
    FetchScheduler::Options scheduler;  // owner, routes and their limits
    Clock::Duration patience = std::chrono::seconds(25);
    unsigned waiting_max = 32;  // requests that wait at a time; more are 503 at once
    CrlKeeper::Options crls;    // owner, lease and clock are the scheduler's
    std::string layout_folder;  // empty: no layout
    void (*log)(const std::string& line) = nullptr;
  };

  // `upstreams`: one for each route of the options, in their order.
  Mirror(host::CertificateStore& store, MirrorRecords& records, WorkLedger& ledger,
         std::vector<Upstream*> upstreams, Options options);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;
  Mirror(Mirror&&) = delete;
  Mirror& operator=(Mirror&&) = delete;

  // `path`: path and query of a GET.
  [[nodiscard]] MirrorAnswer answer(const std::string& path);

  // Store and ledger answer, and it is not being stopped.
  [[nodiscard]] bool ready();
  // Requests that wait are answered 503 at once, and new ones do not wait.
  void stop();

  // In Prometheus' text form (version 0.0.4).
  [[nodiscard]] std::string metrics() const;
  [[nodiscard]] MirrorCounts counts() const;
  [[nodiscard]] FetchScheduler& scheduler() noexcept { return scheduler_; }

 private:
  [[nodiscard]] MirrorAnswer answer_leaf(const host::KdsRequest& request, const std::string& item);
  [[nodiscard]] MirrorAnswer answer_chain(const host::KdsRequest& request);
  [[nodiscard]] MirrorAnswer answer_crl(const host::KdsRequest& request);
  [[nodiscard]] MirrorAnswer unavailable(const std::string& why);
  [[nodiscard]] MirrorAnswer store_failed(const Error& error);
  [[nodiscard]] Result<std::optional<crypto::Certificate>> stored(const host::CertificateKey& key);
  [[nodiscard]] Result<std::string> stored_chain(const host::KdsRequest& request);
  // True: what was waited for may be there now.
  [[nodiscard]] bool wait_for_news(Clock::TimePoint deadline);
  void lay_out(const host::CertificateKey& key, const crypto::Certificate& leaf) const;
  [[nodiscard]] Result<host::StoredCrl> fetch_crl(attestation::Product product, host::KeyKind kind);
  [[nodiscard]] CrlKeeper::Ports crl_ports();
  void drive(std::size_t route);
  void drive_crls();
  void fetch(const std::string& item, std::size_t route);
  void pause(Clock::Duration at_most);
  void log(const std::string& line) const;

  host::CertificateStore& store_;
  MirrorRecords& records_;
  WorkLedger& ledger_;
  const std::vector<Upstream*> upstreams_;
  const Options options_;
  std::optional<StaticLayout> layout_;
  FetchScheduler scheduler_;
  host::SingleFlight<std::string> chains_;
  CrlKeeper crls_;

  std::mutex mutex_;
  std::condition_variable news_;  // something was wanted, fetched, or the end has come
  std::atomic<bool> stopping_ = false;
  std::atomic<unsigned> waiting_ = 0;
  struct Counters {
    std::atomic<std::uint64_t> hits{0}, misses{0}, waited_in_vain{0}, absent{0}, refused{0},
        store_failures{0};
  };
  Counters counters_;
  std::vector<std::thread> drivers_;
};

}  // namespace extreq::fleet
