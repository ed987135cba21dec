// WorkLedger: what the instances that share the work tell each other: who fetches what, when a
// route may be used again, and what the key service said it does not have.
//
// A claim is a lease: it ends by itself, so that what a crashed instance had begun is taken over. A
// route is one address as the key service sees it: all instances behind it share its limit. All
// times are those of the ledger's own clock; callers only name durations.
// Who implements it: MemoryLedger for one instance (and the simulation), PostgresLedger for many.
// Failure of each call: io or busy, as its store has it. Threading: any thread.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace extreq::fleet {

struct Route {
  std::string name;  // the same in all instances that share the address
  Clock::Duration interval = std::chrono::seconds(10);  // zero: no limit
  unsigned burst = 1;                                   // at least 1
};

class WorkLedger {
 public:
  virtual ~WorkLedger() = default;

  // True: `item` is `owner`'s for `lease` from now on, also if it was before. False: another's.
  [[nodiscard]] virtual Result<bool> claim(const std::string& item, const std::string& owner,
                                           Clock::Duration lease) = 0;
  // Nothing happens if the claim is not (or no more) the owner's.
  [[nodiscard]] virtual Status release(const std::string& item, const std::string& owner) = 0;

  // Takes a token of the route if there is one: zero. Else how long until there will be one.
  [[nodiscard]] virtual Result<Clock::Duration> take_token(const Route& route) = 0;
  // The service asked for silence (Retry-After): no token for so long, and one then.
  [[nodiscard]] virtual Status pause(const Route& route, Clock::Duration silence) = 0;

  // A negative answer, remembered for a while.
  [[nodiscard]] virtual Status remember_absent(const std::string& item, Clock::Duration memory) = 0;
  [[nodiscard]] virtual Result<bool> is_absent(const std::string& item) = 0;
};

}  // namespace extreq::fleet
