// PostgresLedger: the ledger of all instances on one database. Its clock is the database's.
//
// After a lost connection a statement may be done twice (postgres_pool.hpp): a claim twice is one
// claim, a token taken twice is one request less than the route would allow.
#pragma once

#include "fleet/postgres_pool.hpp"
#include "fleet/work_ledger.hpp"

namespace extreq::fleet {

class PostgresLedger final : public WorkLedger {
 public:
  // `pool` must outlive the ledger; migrate() was called on it.
  explicit PostgresLedger(PostgresPool& pool) noexcept : pool_(pool) {}

  [[nodiscard]] Result<bool> claim(const std::string& item, const std::string& owner,
                                   Clock::Duration lease) override;
  [[nodiscard]] Status release(const std::string& item, const std::string& owner) override;
  [[nodiscard]] Result<Clock::Duration> take_token(const Route& route) override;
  [[nodiscard]] Status pause(const Route& route, Clock::Duration silence) override;
  [[nodiscard]] Status remember_absent(const std::string& item, Clock::Duration memory) override;
  [[nodiscard]] Result<bool> is_absent(const std::string& item) override;

 private:
  PostgresPool& pool_;
};

}  // namespace extreq::fleet
