#include "abi/kvm.hpp"

#include "abi/layout_test.hpp"
#include "abi/vmgexit.hpp"

namespace extreq::abi::kvm {
namespace {

TEST(Kvm, RunAreaFieldsAreWhereTheKernelPutsThem) {
  EXPECT_EQ(sizeof(kvm::Run), 2352U);
  expect_places({
      {"request_interrupt_window", place(&kvm::Run::request_interrupt_window), {0, 1}},
      {"immediate_exit", place(&kvm::Run::immediate_exit), {1, 1}},
      {"exit_reason", place(&kvm::Run::exit_reason), {8, 4}},
      {"ready_for_interrupt_injection", place(&kvm::Run::ready_for_interrupt_injection), {12, 1}},
      {"if_flag", place(&kvm::Run::if_flag), {13, 1}},
      {"flags", place(&kvm::Run::flags), {14, 2}},
      {"cr8", place(&kvm::Run::cr8), {16, 8}},
      {"apic_base", place(&kvm::Run::apic_base), {24, 8}},
      {"exit", place(&kvm::Run::exit), {32, 256}},
      {"kvm_valid_regs", place(&kvm::Run::kvm_valid_regs), {288, 8}},
      {"kvm_dirty_regs", place(&kvm::Run::kvm_dirty_regs), {296, 8}},
      {"s", place(&kvm::Run::s), {304, 2048}},
  });
}

TEST(Kvm, ExitFieldsAreWhereTheKernelPutsThem) {
  expect_places({
      {"unknown", place(&ExitUnknown::hardware_exit_reason), {0, 8}},
      {"fail_entry.reason", place(&ExitFailEntry::hardware_entry_failure_reason), {0, 8}},
      {"fail_entry.cpu", place(&ExitFailEntry::cpu), {8, 4}},
      {"io.direction", place(&ExitIo::direction), {0, 1}},
      {"io.size", place(&ExitIo::size), {1, 1}},
      {"io.port", place(&ExitIo::port), {2, 2}},
      {"io.count", place(&ExitIo::count), {4, 4}},
      {"io.data_offset", place(&ExitIo::data_offset), {8, 8}},
      {"mmio.phys_addr", place(&ExitMmio::phys_addr), {0, 8}},
      {"mmio.data", place(&ExitMmio::data), {8, 8}},
      {"mmio.len", place(&ExitMmio::len), {16, 4}},
      {"mmio.is_write", place(&ExitMmio::is_write), {20, 1}},
      {"hypercall.nr", place(&ExitHypercall::nr), {0, 8}},
      {"hypercall.args", place(&ExitHypercall::args), {8, 48}},
      {"hypercall.ret", place(&ExitHypercall::ret), {56, 8}},
      {"hypercall.flags", place(&ExitHypercall::flags), {64, 8}},
      {"internal.suberror", place(&ExitInternal::suberror), {0, 4}},
      {"internal.ndata", place(&ExitInternal::ndata), {4, 4}},
      {"internal.data", place(&ExitInternal::data), {8, 128}},
      {"system_event.type", place(&ExitSystemEvent::type), {0, 4}},
      {"system_event.ndata", place(&ExitSystemEvent::ndata), {4, 4}},
      {"system_event.data", place(&ExitSystemEvent::data), {8, 128}},
      {"memory_fault.flags", place(&ExitMemoryFault::flags), {0, 8}},
      {"memory_fault.gpa", place(&ExitMemoryFault::gpa), {8, 8}},
      {"memory_fault.size", place(&ExitMemoryFault::size), {16, 8}},
      {"snp_req_certs.gpa", place(&ExitSnpReqCerts::gpa), {0, 8}},
      {"snp_req_certs.npages", place(&ExitSnpReqCerts::npages), {8, 8}},
      {"snp_req_certs.ret", place(&ExitSnpReqCerts::ret), {16, 8}},
  });
}

TEST(Kvm, ArgumentFieldsAreWhereTheKernelPutsThem) {
  expect_places({
      {"device_attr.flags", place(&DeviceAttr::flags), {0, 4}},
      {"device_attr.group", place(&DeviceAttr::group), {4, 4}},
      {"device_attr.attr", place(&DeviceAttr::attr), {8, 8}},
      {"device_attr.addr", place(&DeviceAttr::addr), {16, 8}},
      {"sev_cmd.id", place(&SevCmd::id), {0, 4}},
      {"sev_cmd.data", place(&SevCmd::data), {8, 8}},
      {"sev_cmd.error", place(&SevCmd::error), {16, 4}},
      {"sev_cmd.sev_fd", place(&SevCmd::sev_fd), {20, 4}},
      {"enable_cap.cap", place(&EnableCap::cap), {0, 4}},
      {"enable_cap.flags", place(&EnableCap::flags), {4, 4}},
      {"enable_cap.args", place(&EnableCap::args), {8, 32}},
      {"enable_cap.pad", place(&EnableCap::pad), {40, 64}},
      {"regs.rax", place(&Regs::rax), {0, 8}},
      {"regs.rbx", place(&Regs::rbx), {8, 8}},
      {"regs.rcx", place(&Regs::rcx), {16, 8}},
      {"regs.rdx", place(&Regs::rdx), {24, 8}},
      {"regs.rsi", place(&Regs::rsi), {32, 8}},
      {"regs.rdi", place(&Regs::rdi), {40, 8}},
      {"regs.rsp", place(&Regs::rsp), {48, 8}},
      {"regs.rbp", place(&Regs::rbp), {56, 8}},
      {"regs.r8", place(&Regs::r8), {64, 8}},
      {"regs.r15", place(&Regs::r15), {120, 8}},
      {"regs.rip", place(&Regs::rip), {128, 8}},
      {"regs.rflags", place(&Regs::rflags), {136, 8}},
  });
}

TEST(Kvm, ConstantsAreThoseOfTheKernel) {
  expect_numbers({
      {"exit_unknown", exit_unknown, 0},
      {"exit_exception", exit_exception, 1},
      {"exit_io", exit_io, 2},
      {"exit_hypercall", exit_hypercall, 3},
      {"exit_debug", exit_debug, 4},
      {"exit_hlt", exit_hlt, 5},
      {"exit_mmio", exit_mmio, 6},
      {"exit_irq_window_open", exit_irq_window_open, 7},
      {"exit_shutdown", exit_shutdown, 8},
      {"exit_fail_entry", exit_fail_entry, 9},
      {"exit_intr", exit_intr, 10},
      {"exit_internal_error", exit_internal_error, 17},
      {"exit_system_event", exit_system_event, 24},
      {"exit_memory_fault", exit_memory_fault, 39},
      {"exit_tdx", exit_tdx, 40},
      {"exit_snp_req_certs", exit_snp_req_certs, 43},
      {"io_in", io_in, 0},
      {"io_out", io_out, 1},
      {"system_event_shutdown", system_event_shutdown, 1},
      {"system_event_reset", system_event_reset, 2},
      {"system_event_crash", system_event_crash, 3},
      {"system_event_sev_term", system_event_sev_term, 6},
      {"hc_map_gpa_range", hc_map_gpa_range, 12},
      {"map_gpa_range_page_sz_4k", map_gpa_range_page_sz_4k, 0},
      {"map_gpa_range_page_sz_2m", map_gpa_range_page_sz_2m, 1},
      {"map_gpa_range_page_sz_1g", map_gpa_range_page_sz_1g, 2},
      {"map_gpa_range_decrypted", map_gpa_range_decrypted, 0},
      {"map_gpa_range_encrypted", map_gpa_range_encrypted, 16},
      {"memory_exit_flag_private", memory_exit_flag_private, 8},
      {"req_certs_ok", req_certs_ok, 0},
      {"req_certs_too_small", req_certs_too_small, 28},
      {"req_certs_busy", req_certs_busy, 11},
      {"req_certs_failed", req_certs_failed, 5},
      {"exit_union_size", exit_union_size, 256},
      {"sync_regs_size", sync_regs_size, 2048},
      {"sync_x86_regs", sync_x86_regs, 1},
      {"sync_x86_sregs", sync_x86_sregs, 2},
      {"sync_x86_events", sync_x86_events, 4},
      {"sync_x86_valid_fields", sync_x86_valid_fields, 7},
      {"x86_grp_sev", x86_grp_sev, 1},
      {"x86_sev_vmsa_features", x86_sev_vmsa_features, 0},
      {"x86_snp_policy_bits", x86_snp_policy_bits, 1},
      {"x86_sev_snp_req_certs", x86_sev_snp_req_certs, 2},
      {"sev_init2", sev_init2, 22},
      {"sev_snp_launch_start", sev_snp_launch_start, 100},
      {"sev_snp_launch_update", sev_snp_launch_update, 101},
      {"sev_snp_launch_finish", sev_snp_launch_finish, 102},
      {"sev_snp_enable_req_certs", sev_snp_enable_req_certs, 103},
      {"cap_sync_regs", cap_sync_regs, 74},
      {"cap_immediate_exit", cap_immediate_exit, 136},
      {"cap_exit_hypercall", cap_exit_hypercall, 201},
      {"cap_sys_attributes", cap_sys_attributes, 209},
      {"snp_guest_vmm_err_generic", snp_guest_vmm_err_generic, 0xFFFFFFFF},
      {"psc_error_generic", psc_error_generic, 0x0000010000000000},
      {"psc_msr_error", psc_msr_error, 0x80000000},
  });
}

TEST(Kvm, IoctlNumbersAreThoseOfTheKernel) {
  expect_numbers({
      {"type", ioctl_type, 0xAE},
      {"get_api_version", ioctl_get_api_version, 0xAE00},
      {"create_vm", ioctl_create_vm, 0xAE01},
      {"check_extension", ioctl_check_extension, 0xAE03},
      {"get_vcpu_mmap_size", ioctl_get_vcpu_mmap_size, 0xAE04},
      {"create_vcpu", ioctl_create_vcpu, 0xAE41},
      {"run", ioctl_run, 0xAE80},
      {"get_regs", ioctl_get_regs, 0x8090AE81},
      {"set_regs", ioctl_set_regs, 0x4090AE82},
      {"enable_cap", ioctl_enable_cap, 0x4068AEA3},
      {"memory_encrypt_op", ioctl_memory_encrypt_op, 0xC008AEBA},
      {"set_device_attr", ioctl_set_device_attr, 0x4018AEE1},
      {"get_device_attr", ioctl_get_device_attr, 0x4018AEE2},
      {"has_device_attr", ioctl_has_device_attr, 0x4018AEE3},
  });
}

}  // namespace
}  // namespace extreq::abi::kvm

namespace extreq::abi::vmgexit {
namespace {

TEST(Vmgexit, CarriesTheRawEventAndSixtyFourBitFields) {
  EXPECT_EQ(sizeof(Vmgexit), 32U);
  expect_places({
      {"exit_code", place(&Vmgexit::exit_code), {0, 8}},
      {"req_certs", place(&Vmgexit::req_certs), {8, 24}},
      {"data_gpa", place(&ReqCerts::data_gpa), {0, 8}},
      {"data_npages", place(&ReqCerts::data_npages), {8, 8}},
      {"ret", place(&ReqCerts::ret), {16, 8}},
  });
}

// The number was free in May 2024. Real kernels gave it to TDX, so one of the two must be asked
// for.
TEST(Vmgexit, ItsNumberMeansTdxOnRealKvm) {
  EXPECT_EQ(exit_vmgexit, 40U);
  EXPECT_EQ(exit_vmgexit, kvm::exit_tdx);
  EXPECT_NE(exit_vmgexit, kvm::exit_snp_req_certs);
}

}  // namespace
}  // namespace extreq::abi::vmgexit
