// SimulatedGuest: the memory of a guest and its launch on a model processor: what exists before its
// first instruction.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/model/secure_processor.hpp"
#include "guest/ghcb_exchange.hpp"
#include "hypervisor/guest_memory.hpp"
#include "sim/guest_ram.hpp"

namespace extreq::sim {

class SimulatedGuest {
 public:
  static constexpr std::uint64_t secrets_gpa = 0x1000;

  // Effect: launches a guest with one measured page and a secrets page on `processor`.
  // Failure: closed, with the firmware's words. Lifetime: processor must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<SimulatedGuest>> launch(
      firmware::model::SecureProcessor& processor, unsigned vcpus);
  ~SimulatedGuest();
  SimulatedGuest(const SimulatedGuest&) = delete;
  SimulatedGuest& operator=(const SimulatedGuest&) = delete;

  [[nodiscard]] firmware::GuestHandle handle() const noexcept { return handle_; }
  [[nodiscard]] GuestRam& ram() noexcept { return ram_; }
  [[nodiscard]] hypervisor::GuestMemory& memory() noexcept { return memory_; }

  // The pages that processor `vcpu` shares with the host.
  [[nodiscard]] static guest::SharedPages pages_of(unsigned vcpu) noexcept;

 private:
  SimulatedGuest(firmware::model::SecureProcessor& processor, firmware::GuestHandle handle,
                 unsigned vcpus);
  [[nodiscard]] Status load();

  firmware::model::SecureProcessor& processor_;
  firmware::GuestHandle handle_;
  GuestRam ram_;
  hypervisor::GuestMemory memory_;
};

}  // namespace extreq::sim
