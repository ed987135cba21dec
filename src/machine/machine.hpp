// Machine: a Linux kernel running as an SNP guest on a computer without SNP.
//
// What it ties together: QEMU as the processor and its devices, the hypervisor library behind the
// guest's GHCB, a firmware that launched the guest and answers its requests, a certificate source
// behind the VMM's exit. Each of them is what the rest of the project uses; none is changed here.
//
// It is for development and tests. Memory is split in two but not encrypted; who is root on the
// host reads both halves. doc/machine.md lists what it is not.
// Threading: control() and stop() from one thread at a time; the guest runs on a thread of its own.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "firmware/guest_requests.hpp"
#include "firmware/model/secure_processor.hpp"
#include "hypervisor/vm.hpp"
#include "lease/certificate_source.hpp"
#include "machine/console.hpp"
#include "machine/guest_control.hpp"
#include "machine/guest_devices.hpp"
#include "machine/launch.hpp"
#include "machine/memory_file.hpp"
#include "machine/qemu_backend.hpp"
#include "machine/qemu_process.hpp"
#include "vmm/certificate_exit.hpp"

namespace extreq::machine {

struct MachineConfig {
  std::string qemu = "qemu-system-x86_64";
  GuestDevices devices;
  hypervisor::VmConfig vm;  // its c_bit is set by the machine
  firmware::model::LaunchStart launch_start;
  firmware::model::LaunchFinish launch_finish;
  vmm::Policy certificates;
  // A guest that makes no exit for so long is given up; zero: never.
  std::chrono::milliseconds silence{0};
  // Must outlive the machine; nullptr for none. Parts that are to be seen in it:
  // trace/traced_ports.hpp.
  trace::Trace* trace = nullptr;
};

class Machine {
 public:
  struct Ports {
    firmware::model::SecureProcessor& processor;  // launches the guest
    firmware::GuestRequests& requests;  // answers it: the processor, or something before it
    lease::CertificateSource& certificates;
  };

  // Effect: launches the guest by the plan and lets it run. After that nothing of the guest's
  // private memory is mapped here.
  // Failure: as QemuProcess, launch_guest, GdbClient and QemuBackend; nothing is left running then.
  // Lifetime: the kernel, the ports and the sink must outlive the machine; the calling thread must
  // live as long (see ChildProcess). The plan is used during the call only.
  [[nodiscard]] static Result<std::unique_ptr<Machine>> start(const MachineConfig& config,
                                                              const LaunchPlan& plan,
                                                              const KernelImage& kernel,
                                                              Ports ports, Console::Sink console);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  Machine(Machine&&) = delete;
  Machine& operator=(Machine&&) = delete;

  [[nodiscard]] GuestControl& control() noexcept { return control_; }
  [[nodiscard]] Console& console() noexcept { return console_; }

  // Waits for the guest's end, at most so long; busy if it still runs then. Otherwise how it ended:
  // success if it powered off, closed if it was stopped, and what went wrong in all other cases.
  [[nodiscard]] Status wait(std::chrono::milliseconds at_most);

  // Ends the machine now. It may be called again.
  void stop() noexcept;

  // Once the guest has ended.
  [[nodiscard]] const StopCounts& stops() const noexcept { return backend_->counts(); }
  [[nodiscard]] pid_t emulator() const noexcept { return qemu_.process().pid(); }

 private:
  Machine(const MachineConfig& config, Ports ports, Mapping shared, QemuProcess qemu,
          LaunchedGuest guest, Console::Sink console);

  [[nodiscard]] Status begin(const LaunchPlan& plan, const KernelImage& kernel, GdbClient gdb);
  void run();
  // One exit for user space. An empty optional: go on.
  [[nodiscard]] std::optional<Status> serve(abi::kvm::Run& run);
  [[nodiscard]] Status change_page_state(abi::kvm::ExitHypercall& hypercall);

  MachineConfig config_;
  Ports ports_;
  Mapping shared_;
  hypervisor::GuestMemory memory_;
  vmm::WriterTo<hypervisor::GuestMemory> writer_{memory_};
  QemuProcess qemu_;
  LaunchedGuest guest_;
  GuestControl control_;
  Console console_;
  std::unique_ptr<QemuBackend> backend_;
  std::unique_ptr<hypervisor::Vm> vm_;
  std::unique_ptr<hypervisor::Vcpu> vcpu_;
  vmm::CertificateExit certificate_exits_;
  std::unique_ptr<vmm::VcpuCertificateExit> certificates_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  Status outcome_;  // by thread_, before ended_
  std::thread thread_;
};

}  // namespace extreq::machine
