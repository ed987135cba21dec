// VmState: what the handlers of all vCPUs of one VM share. Internal to this folder.
#pragma once

#include <array>
#include <mutex>

#include "abi/snp_firmware.hpp"
#include "firmware/guest_requests.hpp"
#include "hypervisor/guest_memory.hpp"
#include "hypervisor/vm_config.hpp"

namespace extreq::hypervisor {

struct VmState {
  VmState(const VmConfig& vm_config, GuestMemory& guest_memory,
          firmware::GuestRequests& guest_requests, firmware::GuestHandle handle)
      : config(vm_config), memory(guest_memory), requests(guest_requests), guest(handle) {}

  const VmConfig config;
  GuestMemory& memory;
  firmware::GuestRequests& requests;
  const firmware::GuestHandle guest;
  bool certificate_exits = false;  // does not change once a vCPU exists

  // The bounce buffers: the firmware sees private copies, of one request at a time.
  using Page = std::array<std::uint8_t, abi::snp::page_size>;
  std::mutex guest_request_mutex;
  Page request_page{};
  Page response_page{};
};

}  // namespace extreq::hypervisor
