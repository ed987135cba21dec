// The tables of a fleet's database, brought to this program's version (doc/fleet.md, "Schema").
//
// Portable SQL only: no extension, no advisory lock, no type but bigint, text and bytea, so that
// CockroachDB and YugabyteDB take it too.
#pragma once

#include "fleet/postgres_pool.hpp"

namespace extreq::fleet {

inline constexpr std::int64_t schema_version = 2;

// Effect: runs the migrations that the database lacks, in order. Any number of instances may start
// at once; one that was killed on the way is called again.
// Failure: unsupported if the database is of a later version than this program; as PostgresPool.
[[nodiscard]] Status migrate(PostgresPool& pool);

}  // namespace extreq::fleet
