// What `extreq host serve` does beside its turns: it asks the key service for what guests do not
// wait for.
//
// Threading: one thread calls; each has at most one thread of its own, which its destructor waits
// for.
#pragma once

#include <atomic>
#include <future>
#include <string>

#include "cli/host_parts.hpp"
#include "host/crl_refresher.hpp"

namespace extreq::cli {

// Fetches what an update will want. Failures go to the log.
// Lifetime: `parts` must outlive it.
class Prefetcher {
 public:
  explicit Prefetcher(HostParts& parts) : parts_(parts) {}

  // Effect: nothing while the last one is under way.
  void start(const host::SigningState& next);

 private:
  void fetch(const host::SigningState& next);

  HostParts& parts_;
  std::future<void> running_;
};

// Fetches the revocation list of the product, when it is due. Failures go to the log.
// Lifetime: `parts`, which asks a key service, must outlive it.
class CrlTask {
 public:
  CrlTask(HostParts& parts, Clock::Duration max_wait);

  // Effect: starts a fetch for what signs in `state`, if it is due and none is under way. Gives the
  // time until the next call is worth something.
  Clock::Duration turn(const host::SigningState& state);

  // Whether the store has another list than at the last call.
  [[nodiscard]] bool take_news() noexcept { return news_.exchange(false); }

 private:
  void fetch(attestation::Product product, host::KeyKind kind);

  host::CrlRefresher refresher_;  // of the thread while one runs
  std::atomic<bool> news_ = false;
  std::string problem_;  // said last; of the thread while one runs
  std::future<void> running_;
};

}  // namespace extreq::cli
