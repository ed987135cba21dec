#include "fleet/sqlite_records.hpp"

#include "base/try.hpp"

namespace extreq::fleet {
namespace {

// A TCB is TCB_VERSION in the product's layout.
constexpr const char* tables = R"(
CREATE TABLE IF NOT EXISTS mirror_chain(product TEXT NOT NULL, kind TEXT NOT NULL,
  body BLOB NOT NULL, PRIMARY KEY(product, kind)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mirror_host(product TEXT NOT NULL, chip_id BLOB NOT NULL,
  tcb INTEGER NOT NULL, current_tcb INTEGER NOT NULL, seen INTEGER NOT NULL,
  PRIMARY KEY(product, chip_id)) STRICT, WITHOUT ROWID;
)";

Bytes name_of(attestation::Product product) { return to_bytes(attestation::kds_name(product)); }

std::int64_t stored_tcb(const attestation::Tcb& tcb) {
  return static_cast<std::int64_t>(attestation::encode_tcb(tcb));
}

attestation::Tcb read_tcb(std::int64_t stored, attestation::Product product) {
  return attestation::decode_tcb(static_cast<std::uint64_t>(stored),
                                 attestation::layout_of(product));
}

}  // namespace

Result<std::unique_ptr<SqliteRecords>> SqliteRecords::open(const std::string& path) {
  EXTREQ_TRY_ASSIGN(host::SqliteDatabase database, host::SqliteDatabase::open(path));
  EXTREQ_TRY(database.execute(tables));
  return std::unique_ptr<SqliteRecords>(new SqliteRecords(std::move(database)));
}

Status SqliteRecords::put_chain(attestation::Product product, host::KeyKind kind, ByteView text) {
  const std::lock_guard lock(mutex_);
  EXTREQ_TRY_ASSIGN(auto statement,
                    database_.prepare("INSERT INTO mirror_chain(product, kind, body) VALUES("
                                      "CAST(?1 AS TEXT), CAST(?2 AS TEXT), ?3)"
                                      " ON CONFLICT DO UPDATE SET body = excluded.body"));
  statement.bind(1, name_of(product)).bind(2, to_bytes(host::to_text(kind))).bind(3, text);
  EXTREQ_TRY(statement.step());
  return {};
}

Result<std::optional<Bytes>> SqliteRecords::chain(attestation::Product product,
                                                  host::KeyKind kind) {
  const std::lock_guard lock(mutex_);
  EXTREQ_TRY_ASSIGN(auto statement,
                    database_.prepare("SELECT body FROM mirror_chain WHERE product = "
                                      "CAST(?1 AS TEXT) AND kind = CAST(?2 AS TEXT)"));
  statement.bind(1, name_of(product)).bind(2, to_bytes(host::to_text(kind)));
  EXTREQ_TRY_ASSIGN(const bool row, statement.step());
  if (!row) return std::nullopt;
  return statement.bytes(0);
}

// Called with the lock held.
Result<bool> SqliteRecords::has_room_for(const host::HostReport& report) {
  EXTREQ_TRY_ASSIGN(auto statement,
                    database_.prepare("SELECT EXISTS(SELECT 1 FROM mirror_host WHERE product = "
                                      "CAST(?1 AS TEXT) AND chip_id = ?2)"
                                      " OR (SELECT count(*) FROM mirror_host) < ?3"));
  statement.bind(1, name_of(report.product)).bind(2, report.chip_id).bind(3, hosts_max);
  EXTREQ_TRY(statement.step());
  return statement.integer(0) != 0;
}

Status SqliteRecords::put_host(const host::HostReport& report, std::chrono::sys_seconds now) {
  const std::lock_guard lock(mutex_);
  EXTREQ_TRY_ASSIGN(const bool room, has_room_for(report));
  if (!room) return fail(Code::too_small, "the list of hosts is full: it has {}", hosts_max);
  EXTREQ_TRY_ASSIGN(
      auto statement,
      database_.prepare("INSERT INTO mirror_host(product, chip_id, tcb, current_tcb, seen) VALUES("
                        "CAST(?1 AS TEXT), ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
                        " tcb = excluded.tcb, current_tcb = excluded.current_tcb,"
                        " seen = excluded.seen"));
  statement.bind(1, name_of(report.product)).bind(2, report.chip_id);
  statement.bind(3, stored_tcb(report.reported_tcb)).bind(4, stored_tcb(report.current_tcb));
  statement.bind(5, now.time_since_epoch().count());
  EXTREQ_TRY(statement.step());
  return {};
}

Result<std::vector<SeenHost>> SqliteRecords::hosts(std::chrono::sys_seconds since) {
  const std::lock_guard lock(mutex_);
  EXTREQ_TRY_ASSIGN(auto statement,
                    database_.prepare("SELECT product, chip_id, tcb, current_tcb, seen FROM "
                                      "mirror_host WHERE seen >= ?1 ORDER BY product, chip_id"));
  statement.bind(1, since.time_since_epoch().count());
  std::vector<SeenHost> hosts;
  for (;;) {
    EXTREQ_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return hosts;
    const Bytes name = statement.bytes(0);
    EXTREQ_TRY_ASSIGN(const auto product,
                      attestation::product_from_name(std::string(name.begin(), name.end())));
    hosts.push_back({{product, statement.bytes(1), read_tcb(statement.integer(2), product),
                      read_tcb(statement.integer(3), product)},
                     std::chrono::sys_seconds(std::chrono::seconds(statement.integer(4)))});
  }
}

}  // namespace extreq::fleet
