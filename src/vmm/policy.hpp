// Policy: what a VMM answers when it cannot serve certificates at once.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.hpp"

namespace extreq::vmm {

// When there are no certificates to be had (none published, source unreadable, or the guest named
// memory that cannot be written).
enum class WithoutCertificates : std::uint8_t {
  // The guest gets its report and an empty table, and fetches the certificates elsewhere. If not
  // even that can be written where it wanted it, it is told that its pages do not do, and keeps its
  // key.
  empty_table,
  // The request fails. A Linux guest then wipes its key: NO ATTESTATION UNTIL IT IS RESTARTED.
  fail_request,
};

struct Policy {
  // The longest that one exit waits for a lease. The vCPU stands still with interrupts off.
  Clock::Duration max_wait = std::chrono::milliseconds(20);
  // How long a guest is answered BUSY in a row, at most; then the request counts as one without
  // certificates. Linux guests give up, and wipe their key, after 60 s.
  Clock::Duration busy_limit = std::chrono::seconds(30);
  WithoutCertificates without_certificates = WithoutCertificates::empty_table;
  // Requests of one VM: one each `rate_interval` on average, up to `rate_burst` at once. A guest
  // that asks more often is answered BUSY, no longer in a row than `busy_limit`: then it is served.
  Clock::Duration rate_interval{};  // zero: no limit
  std::uint32_t rate_burst = 1;
};

}  // namespace extreq::vmm
