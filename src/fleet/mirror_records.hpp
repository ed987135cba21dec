// MirrorRecords: what a mirror keeps beside certificates and revocation lists: the key service's
// chains letter by letter, and the hosts that have reported themselves.
//
// Chains: AMD's texts differ in their line ends (Turin's has CRLF), so that a chain that was put
// together again from its certificates would not be the service's answer.
// Who implements it: SqliteRecords beside a SqliteStore in the same file, PostgresRecords.
// Failure of each call: io or busy, as its store has it. Threading: any thread.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "host/certificate_key.hpp"
#include "host/host_report.hpp"

namespace extreq::fleet {

struct SeenHost {
  host::HostReport report;
  std::chrono::sys_seconds seen;

  friend bool operator==(const SeenHost&, const SeenHost&) = default;
};

class MirrorRecords {
 public:
  // More hosts are refused: whoever can report can report what does not exist.
  static constexpr std::int64_t hosts_max = 1'000'000;

  virtual ~MirrorRecords() = default;

  // Effect: keeps the text in place of the one before.
  [[nodiscard]] virtual Status put_chain(attestation::Product product, host::KeyKind kind,
                                         ByteView text) = 0;
  [[nodiscard]] virtual Result<std::optional<Bytes>> chain(attestation::Product product,
                                                           host::KeyKind kind) = 0;

  // Effect: the chip's entry is this report, seen at `now`.
  // Failure also: too_small for a new host if there are hosts_max.
  [[nodiscard]] virtual Status put_host(const host::HostReport& report,
                                        std::chrono::sys_seconds now) = 0;
  // Those seen at `since` or later, by product and chip id.
  [[nodiscard]] virtual Result<std::vector<SeenHost>> hosts(std::chrono::sys_seconds since) = 0;
};

}  // namespace extreq::fleet
