// KdsFaults: what the model's key service does wrong, in which order: for tests, and for trying out
// how a host bears it.
//
// Threading: any thread.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "host/kds_path.hpp"

namespace extreq::sim {

struct KdsFault {
  enum class Kind : std::uint8_t {
    status,      // `status` instead of an answer
    slow,        // the right answer after `delay`
    truncated,   // the connection closes after half of the right answer
    garbage,     // a web page, with status 200
    wrong_chip,  // another chip's VCEK, another provider's VLEK
    wrong_tcb,   // the right chip's, for another TCB
    expired,     // a certificate whose time is over
    other_root,  // under a root of the same name with another key
    older,       // a CRL: yesterday's, with a lower number; else the right answer
    huge,        // more than any answer may have
  };
  Kind kind = Kind::status;
  int status = 503;
  std::string retry_after;  // the header's value; empty: no header
  Clock::Duration delay{};
  // Which requests it meets; nullopt: all.
  std::optional<host::KdsObject> object;
  unsigned times = 1;  // so many of them; 0: all from now on
};

// "429", "429:30" (Retry-After: 30), "503", "slow:5" (seconds), "truncated", "garbage",
// "wrong-chip", "wrong-tcb", "expired", "other-root"; then "*3" (three times; "*0": always) and
// "@leaf", "@chain" or "@crl" (only those), as in "429:30*2@leaf".
// Failure: invalid_input, naming what was found.
[[nodiscard]] Result<KdsFault> parse_kds_fault(std::string_view text);

class KdsFaults {
 public:
  // They take effect one after the other: the first of the list that meets a request is used up by
  // it.
  void add(const KdsFault& fault);
  void clear();

  // The fault that meets this request, if any.
  [[nodiscard]] std::optional<KdsFault> take(host::KdsObject object);

 private:
  std::mutex mutex_;
  std::deque<KdsFault> faults_;
};

}  // namespace extreq::sim
