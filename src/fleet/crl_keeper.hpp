// CrlKeeper: the key service's revocation lists, held in memory for who asks and kept in the store
// for the mirrors that start later; each is fetched anew on its own clock.
//
// It does no I/O of its own and never waits: its driver calls work(), which asks through the ports.
// Lists that the store has when the keeper starts, and those that somebody has asked for since, are
// fetched once in `interval`, or when they end if that is earlier; of all instances that share a
// ledger by one, which holds a claim on the list's path for so long; the others look into the
// store. A list that cannot be renewed is kept, and stale once its nextUpdate is over. Lifetime:
// ledger, clock and what the ports refer to must outlive it. Threading: any thread; one driver.
// Nothing is asked with a lock held.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fleet/work_ledger.hpp"
#include "host/store.hpp"

namespace extreq::fleet {

class CrlKeeper {
 public:
  struct Ports {
    // The newest of the store's; nullopt: none.
    std::function<Result<std::optional<host::StoredCrl>>(attestation::Product, host::KeyKind)>
        stored;
    // Fetched, verified and stored; what the store then has. Failure: not_found: the service has
    // none; any other may pass.
    std::function<Result<host::StoredCrl>(attestation::Product, host::KeyKind)> fetch;
  };
  struct Options {
    std::string owner;
    Clock::Duration interval = std::chrono::hours(1);
    Clock::Duration lease = std::chrono::minutes(2);  // longer than any fetch
    // After a failure; doubled with each in a row.
    Clock::Duration first_pause = std::chrono::seconds(10);
    Clock::Duration longest_pause = std::chrono::minutes(15);
    Clock::Duration others_pause = std::chrono::seconds(30);  // before the next look into the store
    Clock::Duration absent_memory = std::chrono::minutes(10);
    Clock* clock = &system_clock();
  };
  struct Crl {
    Bytes der;
    bool stale = false;
  };
  struct Turn {
    Clock::Duration pause{};            // until the next call
    bool news = false;                  // who waits for a list should look again
    std::vector<std::string> problems;  // for the log
  };
  struct Counts {
    std::size_t kept = 0;
    std::size_t stale = 0;
  };

  CrlKeeper(WorkLedger& ledger, Ports ports, Options options);

  // nullopt: not there yet; the next turn looks for it. Failure: not_found: the service has none.
  [[nodiscard]] Result<std::optional<Crl>> look(attestation::Product product, host::KeyKind kind);

  // Renews what is due. Failures are told in the turn's problems and tried again later.
  [[nodiscard]] Turn work();

  [[nodiscard]] Counts counts() const;

 private:
  using Name = std::pair<attestation::Product, host::KeyKind>;
  struct List {
    std::optional<host::StoredCrl> kept;
    bool absent = false;    // and not kept: the service has none
    unsigned failures = 0;  // in a row
    Clock::TimePoint due;
  };
  // What a visit to ledger, store and service found.
  struct Visit {
    std::optional<host::StoredCrl> found;
    bool absent = false;
    bool failed = false;
    Clock::Duration pause{};
  };

  [[nodiscard]] Status load();
  [[nodiscard]] std::vector<Name> due_now() const;
  [[nodiscard]] Result<Visit> visit(const Name& name, unsigned failures);
  [[nodiscard]] Result<Visit> visit_store(const Name& name, const std::string& item);
  [[nodiscard]] Clock::Duration until_renewal(const host::StoredCrl& crl) const;
  [[nodiscard]] Clock::Duration pause_after(unsigned failures) const;
  void note(const Name& name, Visit visit);

  WorkLedger& ledger_;
  const Ports ports_;
  const Options options_;

  mutable std::mutex mutex_;  // guards all below
  bool loaded_ = false;
  std::map<Name, List> lists_;
};

}  // namespace extreq::fleet
