// FetchScheduler: what is fetched next, and when. It does no I/O and never waits: mirror, prefetch
// and simulation drive it, each with its own clock, and fetch what it says.
//
// An item is the key service's path of one leaf. Demand (somebody waits) goes before prefetch, else
// first come, first served. Before an item is handed out it is claimed in the ledger, looked for in
// the store (another instance may have fetched it), and a token of the route is taken: so instances
// that share a ledger never fetch the same twice and never ask too often. After 429 and 503 the
// route is silent for Retry-After, else for a pause that doubles with each failure in a row.
// Lifetime: ledger, clock and what `present` refers to must outlive it. Threading: any thread; one
// driver for each route. Ledger and store are asked without any lock held.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fleet/work_ledger.hpp"

namespace extreq::fleet {

enum class Urgency : std::uint8_t { demand, prefetch };

// What became of a fetch.
struct Outcome {
  enum class Kind : std::uint8_t {
    stored,  // the store has it
    absent,  // the service has none, or refuses for good
    again,   // it may succeed later
  };
  Kind kind = Kind::stored;
  std::optional<Clock::Duration> silence;  // again: the service's Retry-After
};

class FetchScheduler {
 public:
  struct Options {
    std::string owner;  // one for each instance, and for each of its lives
    std::vector<Route> routes;
    Clock::Duration lease = std::chrono::minutes(2);  // longer than any fetch
    Clock::Duration first_pause = std::chrono::seconds(1);
    Clock::Duration longest_pause = std::chrono::minutes(5);
    Clock::Duration others_pause = std::chrono::seconds(1);  // for an item another has claimed
    Clock::Duration absent_memory = std::chrono::minutes(10);
    Clock* clock = &system_clock();
  };
  struct Step {
    enum class Kind : std::uint8_t {
      fetch,  // fetch `item` now and call finished()
      wait,   // ask again after `pause`, or when something is wanted
      idle,   // nothing is wanted
    };
    Kind kind = Kind::idle;
    std::string item;
    Clock::Duration pause{};
  };
  using Present = std::function<Result<bool>(const std::string& item)>;

  FetchScheduler(WorkLedger& ledger, Present present, Options options);

  // Effect: the item will be fetched, unless it is present or remembered as absent by then. Wanted
  // again, it keeps its place, or moves up from prefetch to demand.
  void want(const std::string& item, Urgency urgency);

  // What the driver of `route` (an index of Options::routes) does now.
  // Failure: as ledger and store; nothing is lost then.
  [[nodiscard]] Result<Step> next(std::size_t route);

  // Failure: as the ledger. The scheduler's own account is right all the same; a claim that could
  // not be given back ends by itself.
  Status finished(const std::string& item, std::size_t route, const Outcome& outcome);

  // Items that are wanted or under way.
  [[nodiscard]] std::size_t pending() const;
  [[nodiscard]] bool is_pending(const std::string& item) const;
  [[nodiscard]] const Options& options() const noexcept { return options_; }

 private:
  struct Item {
    Urgency urgency = Urgency::prefetch;
    bool handed_out = false;  // next() has it in hand, or a driver fetches it
  };
  struct RouteState {
    Clock::TimePoint free_at;  // no token before, as far as is known
    unsigned failures = 0;     // in a row
  };
  enum class Readiness : std::uint8_t { ready, present, elsewhere };

  [[nodiscard]] std::optional<std::string> take_ready();
  [[nodiscard]] std::optional<std::string> pop(Urgency urgency);
  [[nodiscard]] Step nothing_ready() const;
  [[nodiscard]] Result<Readiness> examine(const std::string& item);
  [[nodiscard]] Result<Step> hand_out(const std::string& item, std::size_t route);
  void give_back(const std::string& item);  // to the front
  void postpone(const std::string& item, Clock::Duration pause);
  void forget(const std::string& item);
  [[nodiscard]] Clock::Duration pause_after_failure(std::size_t route, const Outcome& outcome);

  WorkLedger& ledger_;
  const Present present_;
  const Options options_;

  mutable std::mutex mutex_;  // guards all below
  std::unordered_map<std::string, Item> items_;
  // Names of items_; those that moved on since are skipped when they come up.
  std::deque<std::string> demand_;
  std::deque<std::string> prefetch_;
  std::multimap<Clock::TimePoint, std::string> later_;
  std::vector<RouteState> routes_;
};

}  // namespace extreq::fleet
