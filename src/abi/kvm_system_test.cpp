// What the system's own headers define must be what abi/kvm.hpp says. Older headers lack the newer
// numbers; each comparison stands only where there is something to compare with.
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <sys/ioctl.h>

#include "abi/ioctl.hpp"
#include "abi/kvm.hpp"
#include "abi/layout_test.hpp"

namespace extreq::abi {
namespace {

TEST(KvmSystemHeader, AgreesOnTheRunArea) {
  EXPECT_EQ(sizeof(kvm_run), sizeof(kvm::Run));
  expect_numbers({
      {"request_interrupt_window", offsetof(kvm::Run, request_interrupt_window),
       offsetof(kvm_run, request_interrupt_window)},
      {"immediate_exit", offsetof(kvm::Run, immediate_exit), offsetof(kvm_run, immediate_exit)},
      {"exit_reason", offsetof(kvm::Run, exit_reason), offsetof(kvm_run, exit_reason)},
      {"ready_for_interrupt_injection", offsetof(kvm::Run, ready_for_interrupt_injection),
       offsetof(kvm_run, ready_for_interrupt_injection)},
      {"if_flag", offsetof(kvm::Run, if_flag), offsetof(kvm_run, if_flag)},
      {"flags", offsetof(kvm::Run, flags), offsetof(kvm_run, flags)},
      {"cr8", offsetof(kvm::Run, cr8), offsetof(kvm_run, cr8)},
      {"apic_base", offsetof(kvm::Run, apic_base), offsetof(kvm_run, apic_base)},
      {"exit", offsetof(kvm::Run, exit), offsetof(kvm_run, hw)},
      {"kvm_valid_regs", offsetof(kvm::Run, kvm_valid_regs), offsetof(kvm_run, kvm_valid_regs)},
      {"kvm_dirty_regs", offsetof(kvm::Run, kvm_dirty_regs), offsetof(kvm_run, kvm_dirty_regs)},
      {"s", offsetof(kvm::Run, s), offsetof(kvm_run, s)},
      {"sizeof s", sizeof(kvm::SyncRegs), sizeof(kvm_run::s)},
      {"s.regs", offsetof(kvm::SyncRegs, regs), offsetof(kvm_sync_regs, regs)},
  });
}

TEST(KvmSystemHeader, AgreesOnTheExits) {
  const auto in_exit = [](std::size_t offset) { return offset - offsetof(kvm_run, hw); };
  expect_numbers({
      {"hypercall.nr", offsetof(kvm::ExitHypercall, nr), in_exit(offsetof(kvm_run, hypercall.nr))},
      {"hypercall.args", offsetof(kvm::ExitHypercall, args),
       in_exit(offsetof(kvm_run, hypercall.args))},
      {"hypercall.ret", offsetof(kvm::ExitHypercall, ret),
       in_exit(offsetof(kvm_run, hypercall.ret))},
      {"hypercall.flags", offsetof(kvm::ExitHypercall, flags),
       in_exit(offsetof(kvm_run, hypercall.longmode))},
      {"sizeof hypercall", sizeof(kvm::ExitHypercall), sizeof(kvm_run::hypercall)},
      {"system_event.type", offsetof(kvm::ExitSystemEvent, type),
       in_exit(offsetof(kvm_run, system_event.type))},
      {"system_event.ndata", offsetof(kvm::ExitSystemEvent, ndata),
       in_exit(offsetof(kvm_run, system_event.ndata))},
      {"system_event.data", offsetof(kvm::ExitSystemEvent, data),
       in_exit(offsetof(kvm_run, system_event.data))},
      {"sizeof system_event", sizeof(kvm::ExitSystemEvent), sizeof(kvm_run::system_event)},
#ifdef KVM_EXIT_MEMORY_FAULT
      {"memory_fault.flags", offsetof(kvm::ExitMemoryFault, flags),
       in_exit(offsetof(kvm_run, memory_fault.flags))},
      {"memory_fault.gpa", offsetof(kvm::ExitMemoryFault, gpa),
       in_exit(offsetof(kvm_run, memory_fault.gpa))},
      {"memory_fault.size", offsetof(kvm::ExitMemoryFault, size),
       in_exit(offsetof(kvm_run, memory_fault.size))},
#endif
#ifdef KVM_EXIT_SNP_REQ_CERTS
      {"snp_req_certs.gpa", offsetof(kvm::ExitSnpReqCerts, gpa),
       in_exit(offsetof(kvm_run, snp_req_certs.gpa))},
      {"snp_req_certs.npages", offsetof(kvm::ExitSnpReqCerts, npages),
       in_exit(offsetof(kvm_run, snp_req_certs.npages))},
      {"snp_req_certs.ret", offsetof(kvm::ExitSnpReqCerts, ret),
       in_exit(offsetof(kvm_run, snp_req_certs.ret))},
#endif
  });
}

TEST(KvmSystemHeader, AgreesOnArguments) {
  expect_numbers({
      {"sizeof regs", sizeof(kvm::Regs), sizeof(kvm_regs)},
      {"regs.rax", offsetof(kvm::Regs, rax), offsetof(kvm_regs, rax)},
      {"regs.rbx", offsetof(kvm::Regs, rbx), offsetof(kvm_regs, rbx)},
      {"regs.rcx", offsetof(kvm::Regs, rcx), offsetof(kvm_regs, rcx)},
      {"regs.rdx", offsetof(kvm::Regs, rdx), offsetof(kvm_regs, rdx)},
      {"regs.rsi", offsetof(kvm::Regs, rsi), offsetof(kvm_regs, rsi)},
      {"regs.rdi", offsetof(kvm::Regs, rdi), offsetof(kvm_regs, rdi)},
      {"regs.rsp", offsetof(kvm::Regs, rsp), offsetof(kvm_regs, rsp)},
      {"regs.rbp", offsetof(kvm::Regs, rbp), offsetof(kvm_regs, rbp)},
      {"regs.r8", offsetof(kvm::Regs, r8), offsetof(kvm_regs, r8)},
      {"regs.r15", offsetof(kvm::Regs, r15), offsetof(kvm_regs, r15)},
      {"regs.rip", offsetof(kvm::Regs, rip), offsetof(kvm_regs, rip)},
      {"regs.rflags", offsetof(kvm::Regs, rflags), offsetof(kvm_regs, rflags)},
      {"sizeof device_attr", sizeof(kvm::DeviceAttr), sizeof(kvm_device_attr)},
      {"device_attr.flags", offsetof(kvm::DeviceAttr, flags), offsetof(kvm_device_attr, flags)},
      {"device_attr.group", offsetof(kvm::DeviceAttr, group), offsetof(kvm_device_attr, group)},
      {"device_attr.attr", offsetof(kvm::DeviceAttr, attr), offsetof(kvm_device_attr, attr)},
      {"device_attr.addr", offsetof(kvm::DeviceAttr, addr), offsetof(kvm_device_attr, addr)},
      {"sizeof sev_cmd", sizeof(kvm::SevCmd), sizeof(kvm_sev_cmd)},
      {"sev_cmd.id", offsetof(kvm::SevCmd, id), offsetof(kvm_sev_cmd, id)},
      {"sev_cmd.data", offsetof(kvm::SevCmd, data), offsetof(kvm_sev_cmd, data)},
      {"sev_cmd.error", offsetof(kvm::SevCmd, error), offsetof(kvm_sev_cmd, error)},
      {"sev_cmd.sev_fd", offsetof(kvm::SevCmd, sev_fd), offsetof(kvm_sev_cmd, sev_fd)},
      {"sizeof enable_cap", sizeof(kvm::EnableCap), sizeof(kvm_enable_cap)},
      {"enable_cap.args", offsetof(kvm::EnableCap, args), offsetof(kvm_enable_cap, args)},
  });
}

TEST(KvmSystemHeader, AgreesOnConstants) {
  expect_numbers({
      {"exit_unknown", kvm::exit_unknown, KVM_EXIT_UNKNOWN},
      {"exit_exception", kvm::exit_exception, KVM_EXIT_EXCEPTION},
      {"exit_io", kvm::exit_io, KVM_EXIT_IO},
      {"exit_hypercall", kvm::exit_hypercall, KVM_EXIT_HYPERCALL},
      {"exit_debug", kvm::exit_debug, KVM_EXIT_DEBUG},
      {"exit_hlt", kvm::exit_hlt, KVM_EXIT_HLT},
      {"exit_mmio", kvm::exit_mmio, KVM_EXIT_MMIO},
      {"exit_irq_window_open", kvm::exit_irq_window_open, KVM_EXIT_IRQ_WINDOW_OPEN},
      {"exit_shutdown", kvm::exit_shutdown, KVM_EXIT_SHUTDOWN},
      {"exit_fail_entry", kvm::exit_fail_entry, KVM_EXIT_FAIL_ENTRY},
      {"exit_intr", kvm::exit_intr, KVM_EXIT_INTR},
      {"exit_internal_error", kvm::exit_internal_error, KVM_EXIT_INTERNAL_ERROR},
      {"exit_system_event", kvm::exit_system_event, KVM_EXIT_SYSTEM_EVENT},
#ifdef KVM_EXIT_MEMORY_FAULT
      {"memory_exit_flag_private", kvm::memory_exit_flag_private, KVM_MEMORY_EXIT_FLAG_PRIVATE},
      {"exit_memory_fault", kvm::exit_memory_fault, KVM_EXIT_MEMORY_FAULT},
#endif
#ifdef KVM_EXIT_TDX
      {"exit_tdx", kvm::exit_tdx, KVM_EXIT_TDX},
#endif
#ifdef KVM_EXIT_SNP_REQ_CERTS
      {"exit_snp_req_certs", kvm::exit_snp_req_certs, KVM_EXIT_SNP_REQ_CERTS},
#endif
      {"system_event_shutdown", kvm::system_event_shutdown, KVM_SYSTEM_EVENT_SHUTDOWN},
      {"system_event_reset", kvm::system_event_reset, KVM_SYSTEM_EVENT_RESET},
      {"system_event_crash", kvm::system_event_crash, KVM_SYSTEM_EVENT_CRASH},
#ifdef KVM_SYSTEM_EVENT_SUSPEND
      {"system_event_wakeup", kvm::system_event_wakeup, KVM_SYSTEM_EVENT_WAKEUP},
      {"system_event_suspend", kvm::system_event_suspend, KVM_SYSTEM_EVENT_SUSPEND},
#endif
#ifdef KVM_SYSTEM_EVENT_TDX_FATAL
      {"system_event_tdx_fatal", kvm::system_event_tdx_fatal, KVM_SYSTEM_EVENT_TDX_FATAL},
#endif
      {"run_x86_smm", kvm::run_x86_smm, KVM_RUN_X86_SMM},
#ifdef KVM_RUN_X86_BUS_LOCK
      {"run_x86_bus_lock", kvm::run_x86_bus_lock, KVM_RUN_X86_BUS_LOCK},
#endif
#ifdef KVM_RUN_X86_GUEST_MODE
      {"run_x86_guest_mode", kvm::run_x86_guest_mode, KVM_RUN_X86_GUEST_MODE},
#endif
#ifdef KVM_SYSTEM_EVENT_SEV_TERM
      {"system_event_sev_term", kvm::system_event_sev_term, KVM_SYSTEM_EVENT_SEV_TERM},
#endif
      {"hc_map_gpa_range", kvm::hc_map_gpa_range, KVM_HC_MAP_GPA_RANGE},
      {"page_sz_4k", kvm::map_gpa_range_page_sz_4k, KVM_MAP_GPA_RANGE_PAGE_SZ_4K},
      {"page_sz_2m", kvm::map_gpa_range_page_sz_2m, KVM_MAP_GPA_RANGE_PAGE_SZ_2M},
      {"page_sz_1g", kvm::map_gpa_range_page_sz_1g, KVM_MAP_GPA_RANGE_PAGE_SZ_1G},
      {"encrypted", kvm::map_gpa_range_encrypted, KVM_MAP_GPA_RANGE_ENCRYPTED},
      {"decrypted", kvm::map_gpa_range_decrypted, KVM_MAP_GPA_RANGE_DECRYPTED},
      {"sync_regs_size", kvm::sync_regs_size, SYNC_REGS_SIZE_BYTES},
#ifdef KVM_X86_GRP_SEV
      {"x86_grp_sev", kvm::x86_grp_sev, KVM_X86_GRP_SEV},
#endif
#ifdef KVM_X86_SEV_SNP_REQ_CERTS
      // The commands are an enumeration: they are there when these attributes are.
      {"x86_sev_snp_req_certs", kvm::x86_sev_snp_req_certs, KVM_X86_SEV_SNP_REQ_CERTS},
      {"sev_init2", kvm::sev_init2, KVM_SEV_INIT2},
      {"sev_snp_launch_start", kvm::sev_snp_launch_start, KVM_SEV_SNP_LAUNCH_START},
      {"sev_snp_launch_update", kvm::sev_snp_launch_update, KVM_SEV_SNP_LAUNCH_UPDATE},
      {"sev_snp_launch_finish", kvm::sev_snp_launch_finish, KVM_SEV_SNP_LAUNCH_FINISH},
      {"sev_snp_enable_req_certs", kvm::sev_snp_enable_req_certs, KVM_SEV_SNP_ENABLE_REQ_CERTS},
#endif
      // INIT2 follows the last command of headers that lack it.
      {"sev_init2 after send_cancel", kvm::sev_init2, KVM_SEV_SEND_CANCEL + 1},
      {"cap_exit_hypercall", kvm::cap_exit_hypercall, KVM_CAP_EXIT_HYPERCALL},
      {"cap_sys_attributes", kvm::cap_sys_attributes, KVM_CAP_SYS_ATTRIBUTES},
  });
}

TEST(KvmSystemHeader, AgreesOnIoctls) {
  expect_numbers({
      {"check_extension", kvm::ioctl_check_extension, KVM_CHECK_EXTENSION},
      {"run", kvm::ioctl_run, KVM_RUN},
      {"memory_encrypt_op", kvm::ioctl_memory_encrypt_op, KVM_MEMORY_ENCRYPT_OP},
      {"get_device_attr", kvm::ioctl_get_device_attr, KVM_GET_DEVICE_ATTR},
      {"has_device_attr", kvm::ioctl_has_device_attr, KVM_HAS_DEVICE_ATTR},
  });
}

TEST(IoctlSystemHeader, AgreesOnHowNumbersAreMade) {
  struct Argument {
    std::array<std::uint8_t, 1234> bytes;
  };
  expect_numbers({
      {"_IO", ioctl::io('K', 7), _IO('K', 7)},
      {"_IOW", ioctl::iow<Argument>('K', 255), _IOW('K', 255, Argument)},
      {"_IOR", ioctl::ior<Argument>('K', 0), _IOR('K', 0, Argument)},
      {"_IOWR", ioctl::iowr<Argument>(0xFF, 1), _IOWR(0xFF, 1, Argument)},
  });
}

}  // namespace
}  // namespace extreq::abi
