// VmmThread: the run loop of one virtual processor, as a VMM on KVM has it: runs, and serves the
// exits for page states and certificates.
//
// Lifetime: what it refers to must outlive it. Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "hypervisor/guest_memory.hpp"
#include "hypervisor/vcpu.hpp"
#include "sim/recorder.hpp"
#include "sim/step_log.hpp"
#include "sim/traced_backend.hpp"
#include "vmm/certificate_exit.hpp"

namespace extreq::sim {

class VmmThread {
 public:
  struct Environment {
    hypervisor::Vcpu& vcpu;
    TracedBackend& backend;  // the vCPU's
    hypervisor::GuestMemory& memory;
    Recorder& recorder;
    std::string track;
    StepLog* steps;  // nullptr: nobody wants to know
    // Called between the copy of the certificates and the signature; may be empty.
    std::function<void()> after_copy;
  };

  // Failure: as vmm::CertificateExit::create_vcpu.
  [[nodiscard]] static Result<std::unique_ptr<VmmThread>> create(Environment environment,
                                                                 vmm::CertificateExit& exits);

  // Effect: runs the vCPU until the guest has ended. Failure: io, with the hypervisor's words, or
  // naming an exit that nobody serves.
  [[nodiscard]] Status run();

 private:
  enum class Next : std::uint8_t { run_again, guest_ended };

  explicit VmmThread(Environment environment) noexcept : environment_(std::move(environment)) {}

  [[nodiscard]] int run_once();
  [[nodiscard]] int serve_certificates();
  [[nodiscard]] int complete_certificates();
  [[nodiscard]] Result<Next> serve();
  [[nodiscard]] Status serve_map_gpa_range();
  void tell(const char* who, std::string what);

  Environment environment_;
  std::unique_ptr<vmm::VcpuCertificateExit> certificates_;
  std::optional<StageTimer> timer_;  // while the VMM works on a certificate exit
};

}  // namespace extreq::sim
