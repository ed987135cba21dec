// TimedFirmware: hands guest requests on to a firmware, and notes CPU time and outcome.
//
// Lifetime: what it refers to must outlive it. Threading: as the firmware.
#pragma once

#include <atomic>

#include "firmware/guest_requests.hpp"
#include "sim/recorder.hpp"
#include "sim/step_log.hpp"

namespace extreq::sim {

class TimedFirmware final : public firmware::GuestRequests {
 public:
  TimedFirmware(firmware::GuestRequests& next, Recorder& recorder);

  // Steps go here until it is set to nullptr.
  void set_step_log(StepLog* steps) noexcept { steps_ = steps; }

  [[nodiscard]] Result<abi::snp::CommandStatus> guest_request(
      firmware::GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) override;

  // CPU time that the calling thread has spent in here, so that a caller can tell it from its own.
  [[nodiscard]] static Recorder::Ticks thread_time() noexcept;

 private:
  firmware::GuestRequests& next_;
  Recorder& recorder_;
  std::atomic<StepLog*> steps_ = nullptr;
};

}  // namespace extreq::sim
