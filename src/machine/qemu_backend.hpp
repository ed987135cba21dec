// QemuBackend: the processor: it lets the emulator run and carries out, from outside, the
// instructions that the emulator does not know.
//
// Effect: enter() runs the guest to its next VMGEXIT. PVALIDATE, RMPADJUST, RDMSR of SEV_STATUS and
// of the GHCB MSR, and CPUID 8000001F are carried out on the way. Every stop must be at a site of
// the table, with registers that fit the site: anything else is an error that shows the registers.
// Failure: as GdbClient; invalid_input for a stop that cannot be.
// Lifetime: memory must outlive it. The guest must be stopped when it is made.
// Threading: as VcpuBackend; kick() and page_state_changed(): see below.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "hypervisor/guest_memory.hpp"
#include "hypervisor/vcpu_backend.hpp"
#include "machine/decompressor.hpp"
#include "machine/gdb_client.hpp"
#include "machine/kernel_image.hpp"
#include "machine/site_table.hpp"
#include "machine/validated_pages.hpp"
#include "trace/trace.hpp"

namespace extreq::machine {

struct StopCounts {
  std::array<std::uint64_t, site_kind_count> by_kind{};
  std::uint64_t passed = 0;  // a CPUID site with another function

  [[nodiscard]] std::uint64_t total() const noexcept;
};

class QemuBackend final : public hypervisor::VcpuBackend {
 public:
  // `silence` bounds the time without any exit, zero for no bound: a guest that hangs is an error
  // then.
  [[nodiscard]] static Result<std::unique_ptr<QemuBackend>> create(
      GdbClient gdb, const SiteTable& table, const hypervisor::GuestMemory& memory,
      std::uint64_t memory_size, GdbClient::Duration silence);

  // The guest starts in the kernel file's decompressor: the kernel's sites are armed when it jumps
  // to the kernel, where it has put it. Lifetime: `kernel` must outlive the backend.
  [[nodiscard]] static Result<std::unique_ptr<QemuBackend>> create_in_decompressor(
      GdbClient gdb, const DecompressorSites& decompressor, const KernelImage& kernel,
      const hypervisor::GuestMemory& memory, std::uint64_t memory_size,
      GdbClient::Duration silence);

  [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t ghcb_msr) override;

  // Puts each stop, and each exit until the next enter(), into the trace. Before the first enter().
  // Lifetime: the trace must outlive the backend.
  void set_trace(trace::Trace& trace) noexcept { trace_ = &trace; }

  // Makes the running or the next enter() return Interrupted. Threading: any thread.
  void kick() noexcept;

  // The hypervisor gave pages to the guest or took them. Threading: as enter().
  void page_state_changed(std::uint64_t gpa, std::uint64_t pages) { validated_.clear(gpa, pages); }

  [[nodiscard]] const StopCounts& counts() const noexcept { return counts_; }

 private:
  QemuBackend(GdbClient gdb, const hypervisor::GuestMemory& memory, std::uint64_t memory_size,
              GdbClient::Duration silence, UniqueFd wakeup);

  struct ArmedSite {
    SiteKind kind;
    std::uint8_t length;
    bool early;  // at its physical address: reached before the kernel runs where it was linked
    Register operand;
  };
  struct Decompressing {
    const KernelImage* kernel;
    Site jump;
    unsigned idt_loads = 0;
  };

  [[nodiscard]] static Result<std::unique_ptr<QemuBackend>> create_empty(
      GdbClient gdb, const hypervisor::GuestMemory& memory, std::uint64_t memory_size,
      GdbClient::Duration silence);
  [[nodiscard]] Status arm(std::uint64_t address, const ArmedSite& site);
  [[nodiscard]] Status arm_kernel(const SiteTable& table, std::uint64_t physical_move,
                                  std::uint64_t virtual_move);
  // Stops in the decompressor that are no SNP instruction.
  [[nodiscard]] Status help_decompressor(const ArmedSite& site, const Registers& registers);
  [[nodiscard]] Status enter_kernel(const Registers& registers);
  [[nodiscard]] Status step_over(std::uint64_t address);
  [[nodiscard]] Status disarm_early();
  void move_on(const Registers& registers, std::uint64_t length);
  void answer_edx_eax(std::uint64_t value);
  // Whether the stop is an exit for the hypervisor; otherwise it has been dealt with.
  [[nodiscard]] Result<bool> handle(const ArmedSite& site, const Registers& registers);
  [[nodiscard]] Status pvalidate(const Registers& registers);
  [[nodiscard]] Result<std::uint64_t> translate(std::uint64_t linear);
  void finish_vmgexit(std::uint64_t ghcb_msr);
  void trace_exit_end();

  GdbClient gdb_;
  const hypervisor::GuestMemory& memory_;
  ValidatedPages validated_;
  GdbClient::Duration silence_;
  UniqueFd wakeup_;  // eventfd
  std::unordered_map<std::uint64_t, ArmedSite> armed_;
  bool early_done_ = false;
  std::optional<Decompressing> decompressing_;
  std::uint64_t ghcb_msr_ = 0;
  bool answer_owed_ = false;  // the RDMSR behind the last VMGEXIT
  StopCounts counts_;
  trace::Trace* trace_ = nullptr;
  std::optional<Clock::TimePoint> exit_since_;  // with a trace
  std::string exit_name_;
};

}  // namespace extreq::machine
