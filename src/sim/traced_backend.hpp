// TracedBackend: hands the entries of a virtual processor on, and notes when the guest runs and
// when the hypervisor does.
//
// Lifetime: what it refers to must outlive it. Threading: as the backend.
#pragma once

#include <string>
#include <utility>

#include "hypervisor/vcpu_backend.hpp"
#include "sim/recorder.hpp"

namespace extreq::sim {

class TracedBackend final : public hypervisor::VcpuBackend {
 public:
  TracedBackend(hypervisor::VcpuBackend& next, Recorder& recorder, std::string guest_track,
                std::string hypervisor_track) noexcept
      : next_(next),
        recorder_(recorder),
        guest_track_(std::move(guest_track)),
        hypervisor_track_(std::move(hypervisor_track)) {}

  // The hypervisor begins to work (run() is called), and ends (run() returned).
  void hypervisor_begins() noexcept { since_ = recorder_.now(); }
  void hypervisor_ends() noexcept { recorder_.span(hypervisor_track_, "exit handling", since_); }

  [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t ghcb_msr) override {
    hypervisor_ends();
    const auto begin = recorder_.now();
    auto exit = next_.enter(ghcb_msr);
    recorder_.span(guest_track_, "guest runs", begin);
    hypervisor_begins();
    return exit;
  }

 private:
  hypervisor::VcpuBackend& next_;
  Recorder& recorder_;
  std::string guest_track_;
  std::string hypervisor_track_;
  Clock::TimePoint since_{};
};

}  // namespace extreq::sim
