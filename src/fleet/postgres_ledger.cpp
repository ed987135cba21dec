#include "fleet/postgres_ledger.hpp"

#include <algorithm>

#include "base/try.hpp"

// The database's time in milliseconds, that of the statement's start.
#define EXTREQ_NOW_MS "CAST(extract(epoch FROM CURRENT_TIMESTAMP) * 1000 AS bigint)"

namespace extreq::fleet {
namespace {

std::int64_t ms(Clock::Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

std::int64_t slack_ms(const Route& route) {
  return (std::max<std::int64_t>(route.burst, 1) - 1) * ms(route.interval);
}

}  // namespace

Result<bool> PostgresLedger::claim(const std::string& item, const std::string& owner,
                                   Clock::Duration lease) {
  EXTREQ_TRY_ASSIGN(
      const auto rows,
      pool_.run("INSERT INTO claim (item, owner, until_ms)"
                " VALUES ($1, $2, " EXTREQ_NOW_MS " + CAST($3 AS bigint))"
                " ON CONFLICT (item) DO UPDATE SET owner = excluded.owner,"
                " until_ms = excluded.until_ms"
                " WHERE claim.owner = excluded.owner OR claim.until_ms <= " EXTREQ_NOW_MS,
                {item, owner, ms(lease)}));
  return rows.affected() == 1;
}

Status PostgresLedger::release(const std::string& item, const std::string& owner) {
  EXTREQ_TRY(pool_.run("DELETE FROM claim WHERE item = $1 AND owner = $2", {item, owner}));
  return {};
}

Result<Clock::Duration> PostgresLedger::take_token(const Route& route) {
  EXTREQ_TRY_ASSIGN(
      const auto taken,
      pool_.run("INSERT INTO route (name, full_at_ms)"
                " VALUES ($1, " EXTREQ_NOW_MS " + CAST($2 AS bigint))"
                " ON CONFLICT (name) DO UPDATE SET full_at_ms = CAST($2 AS bigint) + CASE"
                " WHEN route.full_at_ms > " EXTREQ_NOW_MS " THEN route.full_at_ms"
                " ELSE " EXTREQ_NOW_MS " END"
                " WHERE route.full_at_ms <= " EXTREQ_NOW_MS " + CAST($3 AS bigint)",
                {route.name, ms(route.interval), slack_ms(route)}));
  if (taken.affected() == 1) return Clock::Duration::zero();
  EXTREQ_TRY_ASSIGN(const auto rows,
                    pool_.run("SELECT full_at_ms - CAST($2 AS bigint) - " EXTREQ_NOW_MS
                              " FROM route WHERE name = $1",
                              {route.name, slack_ms(route)}));
  if (rows.size() != 1) return fail(Code::io, "route {}: its row is gone", route.name);
  EXTREQ_TRY_ASSIGN(const std::int64_t wait, rows.integer(0, 0));
  // At least 1 ms: zero says that a token was taken.
  return std::chrono::milliseconds(std::max<std::int64_t>(wait, 1));
}

Status PostgresLedger::pause(const Route& route, Clock::Duration silence) {
  EXTREQ_TRY(
      pool_.run("INSERT INTO route (name, full_at_ms)"
                " VALUES ($1, " EXTREQ_NOW_MS " + CAST($2 AS bigint))"
                " ON CONFLICT (name) DO UPDATE SET full_at_ms = excluded.full_at_ms"
                " WHERE route.full_at_ms < excluded.full_at_ms",
                {route.name, ms(silence) + slack_ms(route)}));
  return {};
}

Status PostgresLedger::remember_absent(const std::string& item, Clock::Duration memory) {
  EXTREQ_TRY(pool_.run("DELETE FROM absent WHERE until_ms <= " EXTREQ_NOW_MS));
  EXTREQ_TRY(
      pool_.run("INSERT INTO absent (item, until_ms)"
                " VALUES ($1, " EXTREQ_NOW_MS " + CAST($2 AS bigint))"
                " ON CONFLICT (item) DO UPDATE SET until_ms = excluded.until_ms",
                {item, ms(memory)}));
  return {};
}

Result<bool> PostgresLedger::is_absent(const std::string& item) {
  EXTREQ_TRY_ASSIGN(
      const auto rows,
      pool_.run("SELECT 1 FROM absent WHERE item = $1 AND until_ms > " EXTREQ_NOW_MS, {item}));
  return rows.size() > 0;
}

}  // namespace extreq::fleet
