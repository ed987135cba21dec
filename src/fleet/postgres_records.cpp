#include "fleet/postgres_records.hpp"

#include "base/try.hpp"

namespace extreq::fleet {
namespace {

std::int64_t version_of(const attestation::Tcb& tcb) {
  return static_cast<std::int64_t>(attestation::encode_tcb(tcb));
}

// Columns: product, chip_id, tcb, current_tcb, seen.
Result<SeenHost> host_at(const PostgresRows& rows, int row) {
  SeenHost host;
  auto& report = host.report;
  EXTREQ_TRY_ASSIGN(report.product, attestation::product_from_name(rows.text(row, 0)));
  EXTREQ_TRY_ASSIGN(report.chip_id, rows.bytes(row, 1));
  EXTREQ_TRY_ASSIGN(const std::int64_t reported, rows.integer(row, 2));
  EXTREQ_TRY_ASSIGN(const std::int64_t current, rows.integer(row, 3));
  EXTREQ_TRY_ASSIGN(const std::int64_t seen, rows.integer(row, 4));
  const auto layout = attestation::layout_of(report.product);
  report.reported_tcb = attestation::decode_tcb(static_cast<std::uint64_t>(reported), layout);
  report.current_tcb = attestation::decode_tcb(static_cast<std::uint64_t>(current), layout);
  host.seen = std::chrono::sys_seconds(std::chrono::seconds(seen));
  return host;
}

}  // namespace

Status PostgresRecords::put_chain(attestation::Product product, host::KeyKind kind, ByteView text) {
  EXTREQ_TRY(
      pool_.run("INSERT INTO chain (product, kind, body) VALUES ($1, $2, $3)"
                " ON CONFLICT (product, kind) DO UPDATE SET body = excluded.body",
                {attestation::kds_name(product), host::to_text(kind), text}));
  return {};
}

Result<std::optional<Bytes>> PostgresRecords::chain(attestation::Product product,
                                                    host::KeyKind kind) {
  EXTREQ_TRY_ASSIGN(const auto rows,
                    pool_.run("SELECT body FROM chain WHERE product = $1 AND kind = $2",
                              {attestation::kds_name(product), host::to_text(kind)}));
  if (rows.size() == 0) return std::nullopt;
  EXTREQ_TRY_ASSIGN(auto text, rows.bytes(0, 0));
  return text;
}

Status PostgresRecords::put_host(const host::HostReport& report, std::chrono::sys_seconds now) {
  const auto product = attestation::kds_name(report.product);
  const std::int64_t reported = version_of(report.reported_tcb);
  const std::int64_t current = version_of(report.current_tcb);
  const std::int64_t seen = now.time_since_epoch().count();
  EXTREQ_TRY_ASSIGN(const auto known,
                    pool_.run("UPDATE host SET tcb = $3, current_tcb = $4, seen = $5"
                              " WHERE product = $1 AND chip_id = $2",
                              {product, ByteView(report.chip_id), reported, current, seen}));
  if (known.affected() == 1) return {};
  EXTREQ_TRY_ASSIGN(const auto counted, pool_.run("SELECT count(*) FROM host"));
  EXTREQ_TRY_ASSIGN(const std::int64_t count, counted.integer(0, 0));
  if (count >= hosts_max) {
    return fail(Code::too_small, "the list of hosts is full: it has {}", count);
  }
  EXTREQ_TRY(
      pool_.run("INSERT INTO host (product, chip_id, tcb, current_tcb, seen)"
                " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (product, chip_id) DO UPDATE SET"
                " tcb = excluded.tcb, current_tcb = excluded.current_tcb, seen = excluded.seen",
                {product, ByteView(report.chip_id), reported, current, seen}));
  return {};
}

Result<std::vector<SeenHost>> PostgresRecords::hosts(std::chrono::sys_seconds since) {
  EXTREQ_TRY_ASSIGN(const auto rows,
                    pool_.run("SELECT product, chip_id, tcb, current_tcb, seen FROM host"
                              " WHERE seen >= $1 ORDER BY product, chip_id",
                              {since.time_since_epoch().count()}));
  std::vector<SeenHost> hosts;
  hosts.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    EXTREQ_TRY_ASSIGN(auto host, host_at(rows, row));
    hosts.push_back(std::move(host));
  }
  return hosts;
}

}  // namespace extreq::fleet
