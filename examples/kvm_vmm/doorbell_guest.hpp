// DoorbellGuest: a guest program in C++ that rings through a real vCPU.
//
// The vCPU runs a few real-mode instructions: it waits for a doorbell by reading a port, writes the
// GHCB MSR, reads it back, and says so at another port. The program that fills the GHCB runs on a
// thread of its own, and only while the vCPU waits at the first port.
// Threading: wait_for_doorbell() and rung() on the vCPU's thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/bytes.hpp"
#include "sim/guest_thread.hpp"

namespace extreq::kvm_vmm {

inline constexpr std::uint16_t doorbell_port = 0x10;  // in: 1 ring, 0 halt
inline constexpr std::uint16_t rung_port = 0x11;      // out: the MSR was written and read back
inline constexpr std::uint16_t mailbox_offset = 0;    // in the data segment: the MSR's value

// What the vCPU executes; position-independent.
[[nodiscard]] ByteView doorbell_code() noexcept;

class DoorbellGuest final : private sim::GuestCpu {
 public:
  // `mailbox`: 8 bytes of the vCPU's data segment.
  DoorbellGuest(MutableByteView mailbox, std::function<void(sim::GuestCpu&)> program);
  ~DoorbellGuest() override;  // the program's vmgexit() fails from now on; waits for its end
  DoorbellGuest(const DoorbellGuest&) = delete;
  DoorbellGuest& operator=(const DoorbellGuest&) = delete;
  DoorbellGuest(DoorbellGuest&&) = delete;
  DoorbellGuest& operator=(DoorbellGuest&&) = delete;

  // True: the mailbox holds a value to ring with. False: the program has ended.
  [[nodiscard]] bool wait_for_doorbell();
  void rung();

 private:
  enum class Turn : std::uint8_t { program, vcpu, ended };

  [[nodiscard]] Result<std::uint64_t> vmgexit(std::uint64_t ghcb_msr) override;

  MutableByteView mailbox_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Turn turn_ = Turn::program;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace extreq::kvm_vmm
