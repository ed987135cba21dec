#include "fleet/postgres_schema.hpp"

#include <array>
#include <span>

#include "base/try.hpp"

namespace extreq::fleet {
namespace {

// Each statement does nothing where it was done before. A migration that has been released is never
// changed: what comes later is a migration of its own.
constexpr std::array<const char*, 7> version_1 = {
    // Leaves: one row for each certificate; a renewed one stands beside the old one.
    "CREATE TABLE IF NOT EXISTS leaf (product text NOT NULL, kind text NOT NULL,"
    " holder bytea NOT NULL, tcb bigint NOT NULL, not_after bigint NOT NULL, der bytea NOT NULL,"
    " PRIMARY KEY (product, kind, holder, tcb, not_after))",
    "CREATE TABLE IF NOT EXISTS authority (product text NOT NULL, kind text NOT NULL,"
    " digest bytea NOT NULL, not_before bigint NOT NULL, der bytea NOT NULL,"
    " PRIMARY KEY (product, kind, digest))",
    // number: 20 bytes, big-endian, so that the database compares it as a number.
    "CREATE TABLE IF NOT EXISTS crl (product text NOT NULL, kind text NOT NULL,"
    " issuer bytea NOT NULL, number bytea NOT NULL, this_update bigint NOT NULL,"
    " next_update bigint NOT NULL, der bytea NOT NULL, PRIMARY KEY (product, kind, issuer))",
    "CREATE TABLE IF NOT EXISTS claim (item text PRIMARY KEY, owner text NOT NULL,"
    " until_ms bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS route (name text PRIMARY KEY, full_at_ms bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS absent (item text PRIMARY KEY, until_ms bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS host (product text NOT NULL, chip_id bytea NOT NULL,"
    " tcb bigint NOT NULL, seen bigint NOT NULL, PRIMARY KEY (product, chip_id))",
};

// host.current_tcb: what SNP_COMMIT would make the reported TCB.
constexpr std::array<const char*, 2> version_2 = {
    "CREATE TABLE IF NOT EXISTS chain (product text NOT NULL, kind text NOT NULL,"
    " body bytea NOT NULL, PRIMARY KEY (product, kind))",
    "ALTER TABLE host ADD COLUMN IF NOT EXISTS current_tcb bigint NOT NULL DEFAULT 0",
};

constexpr std::array<std::span<const char* const>, schema_version> migrations = {version_1,
                                                                                 version_2};

// Two instances that create the same table at once meet in the catalogue's unique indexes although
// both say IF NOT EXISTS: whoever loses finds the table at the next attempt.
Status run_migration(PostgresPool& pool, std::span<const char* const> statements) {
  constexpr int attempts = 5;
  for (const char* statement : statements) {
    auto done = pool.run(statement);
    for (int attempt = 1; !done && attempt < attempts; ++attempt) done = pool.run(statement);
    if (!done) return tl::unexpected(done.error());
  }
  return {};
}

}  // namespace

Status migrate(PostgresPool& pool) {
  constexpr std::array<const char*, 1> versions = {
      "CREATE TABLE IF NOT EXISTS schema_migration (version bigint PRIMARY KEY)"};
  EXTREQ_TRY(run_migration(pool, versions));
  EXTREQ_TRY_ASSIGN(const auto rows,
                    pool.run("SELECT coalesce(max(version), 0) FROM schema_migration"));
  EXTREQ_TRY_ASSIGN(const std::int64_t found, rows.integer(0, 0));
  if (found > schema_version) {
    return fail(Code::unsupported, "the database's schema is version {}, this program knows {}",
                found, schema_version);
  }
  for (std::int64_t version = found; version < schema_version; ++version) {
    EXTREQ_TRY(run_migration(pool, migrations[static_cast<std::size_t>(version)]));
    EXTREQ_TRY(
        pool.run("INSERT INTO schema_migration (version) VALUES ($1)"
                 " ON CONFLICT (version) DO NOTHING",
                 {version + 1}));
  }
  return {};
}

}  // namespace extreq::fleet
