#include "machine/qemu_backend.hpp"

#include <algorithm>
#include <numeric>

#include <sys/eventfd.h>

#include "abi/ghcb.hpp"
#include "abi/x86_snp.hpp"
#include "base/try.hpp"
#include "machine/cpuid_page.hpp"
#include "machine/exit_name.hpp"
#include "machine/launch_plan.hpp"

namespace extreq::machine {
namespace {

namespace x86 = abi::x86;

// Linux's kernel half of the address space.
constexpr std::uint64_t kernel_half = 1ULL << 63U;
// What an arithmetic result sets; PVALIDATE sets them all, and only CF carries news.
constexpr std::uint64_t arithmetic_flags = x86::rflags_cf | x86::rflags_pf | x86::rflags_af |
                                           x86::rflags_zf | x86::rflags_sf | x86::rflags_of;

tl::unexpected<Error> unexpected_stop(const Registers& registers, const std::string& why) {
  return fail(Code::invalid_input, "unexpected stop at {:#x}: {}\n{}", registers[Register::rip],
              why, registers.dump());
}

}  // namespace

std::uint64_t StopCounts::total() const noexcept {
  return std::accumulate(by_kind.begin(), by_kind.end(), passed);
}

QemuBackend::QemuBackend(GdbClient gdb, const hypervisor::GuestMemory& memory,
                         std::uint64_t memory_size, GdbClient::Duration silence, UniqueFd wakeup)
    : gdb_(std::move(gdb)),
      memory_(memory),
      validated_(memory_size),
      silence_(silence),
      wakeup_(std::move(wakeup)) {}

Result<std::unique_ptr<QemuBackend>> QemuBackend::create_empty(
    GdbClient gdb, const hypervisor::GuestMemory& memory, std::uint64_t memory_size,
    GdbClient::Duration silence) {
  UniqueFd wakeup(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup) return fail_errno("eventfd");
  // make_unique cannot reach the constructor.
  return std::unique_ptr<QemuBackend>(
      new QemuBackend(std::move(gdb), memory, memory_size, silence, std::move(wakeup)));
}

Result<std::unique_ptr<QemuBackend>> QemuBackend::create(GdbClient gdb, const SiteTable& table,
                                                         const hypervisor::GuestMemory& memory,
                                                         std::uint64_t memory_size,
                                                         GdbClient::Duration silence) {
  EXTREQ_TRY_ASSIGN(auto backend, create_empty(std::move(gdb), memory, memory_size, silence));
  EXTREQ_TRY(backend->arm_kernel(table, 0, 0));
  return backend;
}

Result<std::unique_ptr<QemuBackend>> QemuBackend::create_in_decompressor(
    GdbClient gdb, const DecompressorSites& decompressor, const KernelImage& kernel,
    const hypervisor::GuestMemory& memory, std::uint64_t memory_size, GdbClient::Duration silence) {
  EXTREQ_TRY_ASSIGN(auto backend, create_empty(std::move(gdb), memory, memory_size, silence));
  for (const auto& site : decompressor.sites) {
    EXTREQ_TRY(backend->arm(site.physical_address, {site.kind, site.length, true, site.operand}));
  }
  backend->decompressing_ = {&kernel, decompressor.jump, 0};
  return backend;
}

Status QemuBackend::arm_kernel(const SiteTable& table, std::uint64_t physical_move,
                               std::uint64_t virtual_move) {
  for (const auto& site : table.sites) {
    EXTREQ_TRY(
        arm(site.virtual_address + virtual_move, {site.kind, site.length, false, site.operand}));
    EXTREQ_TRY(
        arm(site.physical_address + physical_move, {site.kind, site.length, true, site.operand}));
  }
  return {};
}

Status QemuBackend::arm(std::uint64_t address, const ArmedSite& site) {
  EXTREQ_TRY(gdb_.insert_breakpoint(address));
  armed_.emplace(address, site);
  return {};
}

// Each breakpoint costs the emulator time at every jump.
Status QemuBackend::disarm_early() {
  for (auto site = armed_.begin(); site != armed_.end();) {
    if (!site->second.early) {
      ++site;
      continue;
    }
    EXTREQ_TRY(gdb_.remove_breakpoint(site->first));
    site = armed_.erase(site);
  }
  return {};
}

void QemuBackend::kick() noexcept {
  static_cast<void>(::eventfd_write(wakeup_.get(), 1));  // fails only when it is readable already
}

void QemuBackend::move_on(const Registers& registers, std::uint64_t length) {
  gdb_.post_register(Register::rip, registers[Register::rip] + length);
}

void QemuBackend::answer_edx_eax(std::uint64_t value) {
  gdb_.post_register(Register::rax, value & 0xFFFFFFFF);
  gdb_.post_register(Register::rdx, value >> 32);
}

void QemuBackend::finish_vmgexit(std::uint64_t ghcb_msr) {
  ghcb_msr_ = ghcb_msr;
  if (answer_owed_) answer_edx_eax(ghcb_msr);
  answer_owed_ = false;
}

void QemuBackend::trace_exit_end() {
  if (!exit_since_) return;
  trace_->span("hypervisor: exits", exit_name_, *exit_since_, exit_answer(ghcb_msr_, memory_));
  exit_since_.reset();
}

Result<hypervisor::GuestExit> QemuBackend::enter(std::uint64_t ghcb_msr) {
  trace_exit_end();
  finish_vmgexit(ghcb_msr);
  while (true) {
    const auto stop = gdb_.run(wakeup_.get(), silence_);
    if (!stop && stop.error().code == Code::closed) {
      return hypervisor::GuestExit(hypervisor::Shutdown{});
    }
    if (!stop) return tl::unexpected(stop.error());
    if (*stop == GdbClient::Stop::interrupted) {
      eventfd_t count = 0;
      static_cast<void>(::eventfd_read(wakeup_.get(), &count));
      return hypervisor::GuestExit(hypervisor::Interrupted{});
    }
    const auto stopped = trace_ != nullptr ? trace_->now() : Clock::TimePoint();
    EXTREQ_TRY_ASSIGN(const Registers registers, gdb_.read_registers());
    const auto site = armed_.find(registers[Register::rip]);
    if (site == armed_.end()) return unexpected_stop(registers, "no site of the table is here");
    const ArmedSite found = site->second;
    ++counts_.by_kind[static_cast<std::size_t>(found.kind)];
    if (!found.early && !early_done_ && registers[Register::rip] >= kernel_half) {
      early_done_ = true;
      EXTREQ_TRY(disarm_early());
    }
    EXTREQ_TRY_ASSIGN(const bool exit, handle(found, registers));
    if (trace_ != nullptr) {
      trace_->span("processor: stops", name(found.kind), stopped,
                   fmt::format("at {:#x}", registers[Register::rip]));
    }
    if (exit && trace_ != nullptr) {
      exit_since_ = trace_->now();
      exit_name_ = exit_name(ghcb_msr_, memory_);
    }
    if (exit) return hypervisor::GuestExit(hypervisor::Vmgexit{ghcb_msr_});
  }
}

// The stub does not run over a breakpoint in every version.
Status QemuBackend::step_over(std::uint64_t address) {
  EXTREQ_TRY(gdb_.remove_breakpoint(address));
  EXTREQ_TRY(gdb_.step());
  return gdb_.insert_breakpoint(address);
}

Status QemuBackend::help_decompressor(const ArmedSite& site, const Registers& registers) {
  constexpr unsigned idt_loads_before_jump = 2;
  const std::uint64_t here = registers[Register::rip];
  switch (site.kind) {
    case SiteKind::idt_load:
      if (++decompressing_->idt_loads == idt_loads_before_jump) {
        const Site& jump = decompressing_->jump;
        EXTREQ_TRY(arm(jump.physical_address, {jump.kind, jump.length, true, jump.operand}));
      }
      return step_over(here);
    case SiteKind::cr3_write:
      gdb_.post_register(site.operand, registers[site.operand] | c_bit_mask);
      EXTREQ_TRY(step_over(here));
      gdb_.post_register(site.operand, registers[site.operand]);
      return {};
    case SiteKind::cr3_read: {
      EXTREQ_TRY(step_over(here));
      EXTREQ_TRY_ASSIGN(const Registers after, gdb_.read_registers());
      gdb_.post_register(site.operand, after[site.operand] & ~c_bit_mask);
      return {};
    }
    default:
      return enter_kernel(registers);
  }
}

// The kernel is where the decompressor has put it: RAX is its physical entry.
Status QemuBackend::enter_kernel(const Registers& registers) {
  constexpr std::size_t compared = 16384;
  const KernelImage& kernel = *decompressing_->kernel;
  const ElfImage& vmlinux = kernel.vmlinux();
  const std::uint64_t entry = registers[Register::rax];
  const auto segment = std::find_if(
      vmlinux.segments.begin(), vmlinux.segments.end(), [&vmlinux](const ElfSegment& one) {
        return vmlinux.entry >= one.physical_address &&
               vmlinux.entry - one.physical_address < one.content.size();
      });
  if (segment == vmlinux.segments.end()) {
    return unexpected_stop(registers, "the kernel's entry is in none of its segments");
  }
  const ByteView original = segment->content.subspan(vmlinux.entry - segment->physical_address);
  EXTREQ_TRY_ASSIGN(const Bytes memory,
                    gdb_.read_memory(entry, std::min(original.size(), compared)));
  EXTREQ_TRY_ASSIGN(const std::uint64_t moved,
                    virtual_move(memory, original, segment->virtual_address,
                                 segment->virtual_address + segment->memory_size));
  for (const auto& [address, site] : armed_) EXTREQ_TRY(gdb_.remove_breakpoint(address));
  armed_.clear();
  EXTREQ_TRY(arm_kernel(kernel.sites(), entry - vmlinux.entry, moved));
  decompressing_.reset();
  return {};
}

Result<bool> QemuBackend::handle(const ArmedSite& site, const Registers& registers) {
  switch (site.kind) {
    case SiteKind::vmgexit:
    case SiteKind::vmgexit_rdmsr:
      // The WRMSR just before needs no stop of its own: its operands are still there.
      if (registers.low32(Register::rcx) != abi::ghcb::msr::number) {
        return unexpected_stop(registers, "VMGEXIT without a WRMSR of the GHCB MSR before it");
      }
      ghcb_msr_ = registers.edx_eax();
      answer_owed_ = site.kind == SiteKind::vmgexit_rdmsr;
      move_on(registers, site.length);
      return true;
    case SiteKind::pvalidate:
      EXTREQ_TRY(pvalidate(registers));
      break;
    case SiteKind::rmpadjust:
      gdb_.post_register(Register::rax, x86::result_success);
      break;
    case SiteKind::rdmsr_sev_status:
    case SiteKind::rdmsr_ghcb: {
      const bool status = site.kind == SiteKind::rdmsr_sev_status;
      const std::uint32_t wanted = status ? x86::msr_sev_status : abi::ghcb::msr::number;
      if (registers.low32(Register::rcx) != wanted) {
        return unexpected_stop(registers, fmt::format("RDMSR of another MSR than {:#x}", wanted));
      }
      answer_edx_eax(status ? x86::sev_status_sev | x86::sev_status_sev_es | x86::sev_status_snp
                            : ghcb_msr_);
      break;
    }
    case SiteKind::cpuid_encryption: {
      if (registers.low32(Register::rax) != x86::cpuid_encryption) {
        ++counts_.passed;
        EXTREQ_TRY(step_over(registers[Register::rip]));
        return false;
      }
      const EncryptionLeaf leaf = encryption_leaf();
      gdb_.post_register(Register::rax, leaf.eax);
      gdb_.post_register(Register::rbx, leaf.ebx);
      gdb_.post_register(Register::rcx, leaf.ecx);
      gdb_.post_register(Register::rdx, leaf.edx);
      break;
    }
    case SiteKind::idt_load:
    case SiteKind::cr3_write:
    case SiteKind::cr3_read:
    case SiteKind::kernel_jump:
      EXTREQ_TRY(help_decompressor(site, registers));
      return false;
  }
  move_on(registers, site.length);
  return false;
}

Result<std::uint64_t> QemuBackend::translate(std::uint64_t linear) {
  EXTREQ_TRY_ASSIGN(const std::string text, gdb_.monitor(fmt::format("gva2gpa {:#x}", linear)));
  constexpr std::string_view head = "gpa: 0x";
  const std::size_t at = text.find(head);
  if (at == std::string::npos) {
    return fail(Code::invalid_input, "address {:#x} is not mapped ('{}')", linear, text);
  }
  std::uint64_t gpa = 0;
  for (std::size_t i = at + head.size(); i < text.size(); ++i) {
    const auto digit = std::string_view("0123456789abcdef").find(text[i]);
    if (digit == std::string_view::npos) break;
    gpa = gpa << 4U | digit;
  }
  return gpa;
}

Status QemuBackend::pvalidate(const Registers& registers) {
  const auto physical = translate(registers[Register::rax]);
  if (!physical) return unexpected_stop(registers, "PVALIDATE: " + physical.error().message);
  const std::uint64_t gpa = *physical & ~c_bit_mask;
  if ((*physical & c_bit_mask) == 0) {
    return unexpected_stop(registers, fmt::format("PVALIDATE of {:#x} without the C-bit", gpa));
  }
  if (memory_.state(gpa) != hypervisor::PageState::private_page) {
    return unexpected_stop(registers,
                           fmt::format("PVALIDATE of {:#x}, which is not the guest's page", gpa));
  }
  // Of ECX and EDX only bit 0 counts: compilers leave what they like in the others.
  const auto answer =
      validated_.pvalidate(gpa, registers.low32(Register::rcx) & x86::pvalidate_mask,
                           (registers.low32(Register::rdx) & x86::pvalidate_mask) != 0);
  if (!answer) return unexpected_stop(registers, answer.error().message);
  const std::uint64_t flags = registers[Register::eflags] & ~arithmetic_flags;
  gdb_.post_register(Register::rax, answer->result);
  gdb_.post_register(Register::eflags, flags | (answer->unchanged ? x86::rflags_cf : 0));
  return {};
}

}  // namespace extreq::machine
