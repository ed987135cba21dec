// SqliteRecords: MirrorRecords in the file of a SqliteStore, in tables of their own.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "fleet/mirror_records.hpp"
#include "host/sqlite.hpp"

namespace extreq::fleet {

class SqliteRecords final : public MirrorRecords {
 public:
  // Effect: makes the tables if they are missing. The file is a SqliteStore's, opened as such
  // before. Failure: as SqliteDatabase.
  [[nodiscard]] static Result<std::unique_ptr<SqliteRecords>> open(const std::string& path);

  [[nodiscard]] Status put_chain(attestation::Product product, host::KeyKind kind,
                                 ByteView text) override;
  [[nodiscard]] Result<std::optional<Bytes>> chain(attestation::Product product,
                                                   host::KeyKind kind) override;
  [[nodiscard]] Status put_host(const host::HostReport& report,
                                std::chrono::sys_seconds now) override;
  [[nodiscard]] Result<std::vector<SeenHost>> hosts(std::chrono::sys_seconds since) override;

 private:
  explicit SqliteRecords(host::SqliteDatabase database) : database_(std::move(database)) {}
  [[nodiscard]] Result<bool> has_room_for(const host::HostReport& report);

  std::mutex mutex_;  // guards the connection
  host::SqliteDatabase database_;
};

}  // namespace extreq::fleet
