// GuestThread: a virtual processor whose guest is a C++ function on a thread of its own.
//
// Effect: the function runs only between enter() and its next vmgexit(), as a guest runs only
// between two exits: guest and host of one vCPU never run at the same time, but different vCPUs
// do. The thread starts with the first enter().
// Failure: after stop(), and when the GuestThread is destroyed, the guest's vmgexit() answers
// Code::closed and the function should return.
// Threading: enter() by one thread at a time; kick() and stop() by any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "hypervisor/vcpu_backend.hpp"

namespace extreq::sim {

// What the guest's program sees of its processor.
class GuestCpu {
 public:
  virtual ~GuestCpu() = default;
  // Writes `ghcb_msr` to the GHCB MSR, executes VMGEXIT, and gives the MSR's value afterwards.
  [[nodiscard]] virtual Result<std::uint64_t> vmgexit(std::uint64_t ghcb_msr) = 0;
};

class GuestThread final : public hypervisor::VcpuBackend, private GuestCpu {
 public:
  using Program = std::function<void(GuestCpu&)>;

  explicit GuestThread(Program program);
  ~GuestThread() override;
  GuestThread(const GuestThread&) = delete;
  GuestThread& operator=(const GuestThread&) = delete;
  GuestThread(GuestThread&&) = delete;
  GuestThread& operator=(GuestThread&&) = delete;

  [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t ghcb_msr) override;

  // Makes the present or the next enter() answer Interrupted. The guest goes on with the one after.
  void kick();

  // Takes the processor away from the guest, which is not waited for.
  void stop();

 private:
  enum class Turn : std::uint8_t { host, guest, ended };

  [[nodiscard]] Result<std::uint64_t> vmgexit(std::uint64_t ghcb_msr) override;
  void main();

  Program program_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Turn turn_ = Turn::host;
  std::uint64_t ghcb_msr_ = 0;
  bool exit_pending_ = false;  // the guest left by VMGEXIT and enter() has not reported it yet
  bool kicked_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace extreq::sim
