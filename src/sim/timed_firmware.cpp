#include "sim/timed_firmware.hpp"

#include <fmt/format.h>

#include "abi/snp_status_name.hpp"

namespace extreq::sim {
namespace {

thread_local Recorder::Ticks spent_in_firmware{};

std::string describe(const Result<abi::snp::CommandStatus>& status) {
  if (!status) return "does not answer: " + status.error().message;
  if (*status == abi::snp::CommandStatus::success) {
    return "opens the request, signs a report with the key of its reported TCB, and seals the "
           "response for the guest";
  }
  return fmt::format("refuses the request: {} ({:#x})", abi::snp::name(*status),
                     static_cast<std::uint32_t>(*status));
}

}  // namespace

TimedFirmware::TimedFirmware(firmware::GuestRequests& next, Recorder& recorder)
    : next_(next), recorder_(recorder) {}

Result<abi::snp::CommandStatus> TimedFirmware::guest_request(
    firmware::GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
    std::span<std::uint8_t, abi::snp::page_size> response) {
  const auto cpu_begin = Recorder::thread_cpu_time();
  auto status = next_.guest_request(guest, request, response);
  const auto spent = Recorder::thread_cpu_time() - cpu_begin;
  recorder_.add_time(Stage::firmware, spent);
  spent_in_firmware += spent;
  if (StepLog* steps = steps_) steps->add("firmware", describe(status));
  return status;
}

Recorder::Ticks TimedFirmware::thread_time() noexcept { return spent_in_firmware; }

}  // namespace extreq::sim
