// MemoryLedger: the ledger of one process: a mirror that stands alone, and the simulation.
#pragma once

#include <mutex>
#include <unordered_map>

#include "fleet/work_ledger.hpp"
#include "host/token_bucket.hpp"

namespace extreq::fleet {

class MemoryLedger final : public WorkLedger {
 public:
  // `clock` must outlive the ledger.
  explicit MemoryLedger(Clock& clock) noexcept : clock_(clock) {}

  [[nodiscard]] Result<bool> claim(const std::string& item, const std::string& owner,
                                   Clock::Duration lease) override;
  [[nodiscard]] Status release(const std::string& item, const std::string& owner) override;
  [[nodiscard]] Result<Clock::Duration> take_token(const Route& route) override;
  [[nodiscard]] Status pause(const Route& route, Clock::Duration silence) override;
  [[nodiscard]] Status remember_absent(const std::string& item, Clock::Duration memory) override;
  [[nodiscard]] Result<bool> is_absent(const std::string& item) override;

 private:
  struct Claim {
    std::string owner;
    Clock::TimePoint until;
  };

  [[nodiscard]] host::TokenBucket& bucket_of(const Route& route);

  Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Claim> claims_;
  std::unordered_map<std::string, host::TokenBucket> buckets_;  // of each route
  std::unordered_map<std::string, Clock::TimePoint> absent_until_;
};

}  // namespace extreq::fleet
