// SelfReport: tells the fleet's mirror about this host (host_report.hpp): at the start, whenever
// something changed, and once in an interval, so that the mirror sees that it lives.
//
// It sends in a thread of its own: a mirror that does not answer holds nobody up. After a failure
// it tries again after a pause that doubles up to the interval. Lifetime: `send` and the clock must
// outlive it; the destructor waits for a report under way. Threading: one thread.
#pragma once

#include <functional>
#include <future>
#include <optional>

#include "base/clock.hpp"
#include "host/host_report.hpp"

namespace extreq::host {

class SelfReport {
 public:
  using Send = std::function<Status(const HostReport&)>;
  struct Options {
    Clock::Duration interval = std::chrono::hours(1);
    Clock::Duration first_pause = std::chrono::seconds(30);
    Clock* clock = &system_clock();
  };

  SelfReport(Send send, Options options) : send_(std::move(send)), options_(options) {}

  // Effect: sends `now` if that is due and none is under way.
  // Returns the failure of an earlier report, once.
  Status offer(const HostReport& now);

 private:
  [[nodiscard]] Status collect();

  Send send_;
  Options options_;
  std::optional<HostReport> sent_;  // the last one that was started
  Clock::TimePoint due_{};
  Clock::Duration pause_{};  // zero: the last one arrived
  std::future<Status> under_way_;
};

// "https://mirror.example" with the path of reports behind it. Failure: invalid_input for anything
// but https, or http to this machine: a token is told to nobody on the way.
[[nodiscard]] Result<std::string> host_report_url(const std::string& base_url);

}  // namespace extreq::host
