// ReportDesk: takes the reports of hosts that know a token, so that the fleet's list of hosts makes
// itself (host/host_report.hpp, doc/fleet.md).
//
// Lifetime: records and clock must outlive it. Threading: any thread.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "fleet/mirror_answer.hpp"
#include "fleet/mirror_records.hpp"
#include "fleet/report_tokens.hpp"

namespace extreq::fleet {

class ReportDesk {
 public:
  ReportDesk(MirrorRecords& records, ReportTokens tokens, Clock& clock = system_clock())
      : records_(records), tokens_(std::move(tokens)), clock_(clock) {}

  // 204: noted. 401: no token, or a wrong one; the body is not looked at then. 400: no report. 503:
  // the list cannot be written, or is full.
  [[nodiscard]] MirrorAnswer take(std::string_view authorization, std::string_view body);

  // In Prometheus' text form (version 0.0.4).
  [[nodiscard]] std::string metrics() const;

 private:
  MirrorRecords& records_;
  const ReportTokens tokens_;
  Clock& clock_;
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;  // 400, 401
};

}  // namespace extreq::fleet
