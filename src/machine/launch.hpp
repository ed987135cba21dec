// Launching a guest: its context in the firmware, and its private memory.
#pragma once

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "firmware/model/secure_processor.hpp"
#include "machine/launch_plan.hpp"

namespace extreq::machine {

// A guest context, ended (SNP_DECOMMISSION) by the destructor.
// Lifetime: the processor must outlive it.
class LaunchedGuest {
 public:
  LaunchedGuest(firmware::model::SecureProcessor& processor, firmware::GuestHandle handle) noexcept
      : processor_(&processor), handle_(handle) {}
  ~LaunchedGuest();
  LaunchedGuest(const LaunchedGuest&) = delete;
  LaunchedGuest& operator=(const LaunchedGuest&) = delete;
  LaunchedGuest(LaunchedGuest&& other) noexcept;
  LaunchedGuest& operator=(LaunchedGuest&&) = delete;

  [[nodiscard]] firmware::GuestHandle handle() const noexcept { return handle_; }

 private:
  firmware::model::SecureProcessor* processor_;
  firmware::GuestHandle handle_;
};

// Effect: SNP_LAUNCH_START, SNP_LAUNCH_UPDATE for every page of the plan, SNP_LAUNCH_FINISH; each
// page is in `private_memory` afterwards as the firmware leaves it. VMSA pages are measured only:
// they belong to the processor.
// Failure: the command that failed, with its status; invalid_input for a page outside memory.
[[nodiscard]] Result<LaunchedGuest> launch_guest(firmware::model::SecureProcessor& processor,
                                                 const LaunchPlan& plan,
                                                 const firmware::model::LaunchStart& start,
                                                 const firmware::model::LaunchFinish& finish,
                                                 MutableByteView private_memory);

}  // namespace extreq::machine
