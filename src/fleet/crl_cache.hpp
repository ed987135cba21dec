// CrlCache: the key service's revocation lists as it gave them, each fetched anew after an
// interval, and kept while none newer can be had.
//
// Lifetime: none of its own. Threading: any thread; one of them fetches, the others wait for it.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace extreq::fleet {

// nextUpdate of a CRL (RFC 5280 section 5.1.2.5). nullopt: it has none, or is no CRL.
[[nodiscard]] std::optional<std::chrono::sys_seconds> crl_next_update(ByteView der);

class CrlCache {
 public:
  struct Crl {
    Bytes der;
    bool stale = false;  // past its nextUpdate
  };
  using Fetch = std::function<Result<Bytes>()>;

  CrlCache(Clock::Duration interval, Clock& clock) : interval_(interval), clock_(clock) {}

  // Failure: as `fetch`, or invalid_input for what is no CRL, if none is kept from before.
  [[nodiscard]] Result<Crl> get(const std::string& name, const Fetch& fetch);

 private:
  struct Kept {
    Bytes der;
    std::chrono::sys_seconds next_update;
    Clock::TimePoint asked;
  };
  // After a failure the next try comes soon, but not with each request.
  static constexpr Clock::Duration retry = std::chrono::seconds(10);

  const Clock::Duration interval_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;
};

}  // namespace extreq::fleet
