// RateLimit: how often one VM may put the firmware to work. A request over the limit is answered
// BUSY (GHCB "SNP Guest Request", VMM error), which a guest retries.
//
// Linux destroys its message key after 60 s of BUSY, so no channel is refused for more than 30 s in
// a row, whoever in the guest takes the tokens: after that it is let through. A channel is one
// VMPCK, because each VMPCK has one message under way at a time and is retried with it. Threading:
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include "abi/snp_firmware.hpp"
#include "base/clock.hpp"
#include "hypervisor/vm_config.hpp"

namespace extreq::hypervisor {

class RateLimit {
 public:
  static constexpr Clock::Duration busy_max = std::chrono::seconds(30);

  RateLimit(const RateLimitConfig& config, Clock& clock) noexcept;

  // Effect: takes a token for the request of this channel; false: answer BUSY. `msg_vmpck` is what
  // the guest wrote: any value is allowed.
  [[nodiscard]] bool admit(std::uint8_t msg_vmpck) noexcept;

  // The channel was answered BUSY for another reason: it counts towards its 30 s.
  void answered_busy(std::uint8_t msg_vmpck) noexcept;

  // The channel was answered with anything else: its row of BUSY is over.
  void answered(std::uint8_t msg_vmpck) noexcept;

 private:
  using Since = std::optional<Clock::TimePoint>;
  [[nodiscard]] Since& busy_since(std::uint8_t msg_vmpck) noexcept;
  [[nodiscard]] bool take_token(Clock::TimePoint now) noexcept;

  Clock::Duration interval_;
  Clock::Duration burst_time_;  // how far ahead of the steady rate a VM may be
  Clock& clock_;
  std::mutex mutex_;
  Clock::TimePoint next_;  // when the next token would be due at the steady rate
  std::array<Since, abi::snp::vmpck_count> busy_since_;
};

}  // namespace extreq::hypervisor
