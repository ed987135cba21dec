// PostgresRecords: MirrorRecords in the fleet's database.
#pragma once

#include "fleet/mirror_records.hpp"
#include "fleet/postgres_pool.hpp"

namespace extreq::fleet {

class PostgresRecords final : public MirrorRecords {
 public:
  // `pool` must outlive the records; migrate() was called on it.
  explicit PostgresRecords(PostgresPool& pool) noexcept : pool_(pool) {}

  [[nodiscard]] Status put_chain(attestation::Product product, host::KeyKind kind,
                                 ByteView text) override;
  [[nodiscard]] Result<std::optional<Bytes>> chain(attestation::Product product,
                                                   host::KeyKind kind) override;
  [[nodiscard]] Status put_host(const host::HostReport& report,
                                std::chrono::sys_seconds now) override;
  [[nodiscard]] Result<std::vector<SeenHost>> hosts(std::chrono::sys_seconds since) override;

 private:
  PostgresPool& pool_;
};

}  // namespace extreq::fleet
