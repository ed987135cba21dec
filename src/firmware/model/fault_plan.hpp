// FaultPlan: failures and delays of the processor, arranged beforehand: for tests of whatever
// stands above it, and for simulations.
//
// Each arrangement holds for the next `count` commands of its kind, wherever they come from in this
// process, and replaces the one before; the first command after them is answered as usual.
// Threading: any thread; arranged while commands run, it takes effect with the next command.
#pragma once

#include <mutex>
#include <optional>

#include "abi/snp_firmware.hpp"
#include "base/clock.hpp"

namespace extreq::firmware::model {

class FaultPlan {
 public:
  // SNP_GUEST_REQUEST answers `status` without looking at the message: no response, no counter
  // advances.
  void fail_guest_requests(abi::snp::CommandStatus status, unsigned count);

  // SNP_GUEST_REQUEST does everything, the guest's counter advances, and the host gets an error
  // (Code::io) instead of the response.
  void lose_responses(unsigned count);

  // Platform and launch commands answer `status` and change nothing.
  void fail_platform_commands(abi::snp::CommandStatus status, unsigned count);

  // Commands of any kind take so much longer, while all others wait.
  void delay_commands(Clock::Duration each, unsigned count);

  // No faults from now on.
  void clear();

  // For the processor: what is arranged for the command that begins now; each call uses up one.
  [[nodiscard]] std::optional<abi::snp::CommandStatus> take_guest_failure();
  [[nodiscard]] bool take_lost_response();
  [[nodiscard]] std::optional<abi::snp::CommandStatus> take_platform_failure();
  [[nodiscard]] Clock::Duration take_delay();

 private:
  struct Failure {
    abi::snp::CommandStatus status = abi::snp::CommandStatus::success;
    unsigned count = 0;
  };
  static std::optional<abi::snp::CommandStatus> take(Failure& failure);

  std::mutex mutex_;
  Failure guest_;
  Failure platform_;
  unsigned lost_ = 0;
  Clock::Duration delay_{};
  unsigned delays_ = 0;
};

}  // namespace extreq::firmware::model
