// KVM's interface to user space, as far as this project uses it.
//
// Owner: Linux, include/uapi/linux/kvm.h, include/uapi/linux/kvm_para.h,
// arch/x86/include/uapi/asm/kvm.h and kvm_para.h, as merged for certificate requests in 2026
// (KVM_EXIT_SNP_REQ_CERTS); Documentation/virt/kvm/api.rst, section 5 "The kvm_run structure".
// Numbers that KVM chose and no header exports say so. x86-64 only. Native integers: both ends run
// on one machine. Names are KVM's without their prefix. Definitions only.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "abi/ioctl.hpp"
#include "abi/vmgexit.hpp"

namespace extreq::abi::kvm {

// ---------------------------------------------------------------------------------------------
// Run::exit_reason (KVM_EXIT_*).
inline constexpr std::uint32_t exit_unknown = 0;
inline constexpr std::uint32_t exit_exception = 1;
inline constexpr std::uint32_t exit_io = 2;
inline constexpr std::uint32_t exit_hypercall = 3;
inline constexpr std::uint32_t exit_debug = 4;
inline constexpr std::uint32_t exit_hlt = 5;
inline constexpr std::uint32_t exit_mmio = 6;
inline constexpr std::uint32_t exit_irq_window_open = 7;
inline constexpr std::uint32_t exit_shutdown = 8;
inline constexpr std::uint32_t exit_fail_entry = 9;
inline constexpr std::uint32_t exit_intr = 10;
inline constexpr std::uint32_t exit_internal_error = 17;
inline constexpr std::uint32_t exit_system_event = 24;
inline constexpr std::uint32_t exit_memory_fault = 39;
inline constexpr std::uint32_t exit_tdx = 40;
inline constexpr std::uint32_t exit_snp_req_certs = 43;
// The review's number was free in May 2024. Linux gave it to TDX, so who wants the review's form
// must ask for it.
static_assert(vmgexit::exit_vmgexit == exit_tdx);

// exit_system_event: ExitSystemEvent::type (KVM_SYSTEM_EVENT_*).
inline constexpr std::uint32_t system_event_shutdown = 1;
inline constexpr std::uint32_t system_event_reset = 2;
inline constexpr std::uint32_t system_event_crash = 3;
inline constexpr std::uint32_t system_event_wakeup = 4;
inline constexpr std::uint32_t system_event_suspend = 5;
inline constexpr std::uint32_t system_event_sev_term = 6;  // data[0] = the GHCB MSR's value
inline constexpr std::uint32_t system_event_tdx_fatal = 7;

// exit_hypercall: KVM_HC_MAP_GPA_RANGE, args = {gpa, number of 4 KiB pages, flags}.
inline constexpr std::uint64_t hc_map_gpa_range = 12;
inline constexpr std::uint64_t map_gpa_range_page_sz_4k = 0;
inline constexpr std::uint64_t map_gpa_range_page_sz_2m = 1U << 0;
inline constexpr std::uint64_t map_gpa_range_page_sz_1g = 1U << 1;
inline constexpr std::uint64_t map_gpa_range_decrypted = 0U << 4;
inline constexpr std::uint64_t map_gpa_range_encrypted = 1U << 4;

// exit_memory_fault: ExitMemoryFault::flags.
inline constexpr std::uint64_t memory_exit_flag_private = 1U << 3;

// exit_snp_req_certs: ExitSnpReqCerts::ret, positive errno values. Anything else makes KVM_RUN fail
// with EINVAL.
inline constexpr std::uint64_t req_certs_ok = 0;
inline constexpr std::uint64_t req_certs_too_small = ENOSPC;  // npages = pages needed
inline constexpr std::uint64_t req_certs_busy = EAGAIN;
inline constexpr std::uint64_t req_certs_failed = EIO;

// ---------------------------------------------------------------------------------------------
// Members of Run's union: those that are read or written here.
struct ExitHypercall {                // offset
  std::uint64_t nr;                   //      0
  std::array<std::uint64_t, 6> args;  //      8
  std::uint64_t ret;                  //     56
  std::uint64_t flags;                //     64   older headers: longmode u32, pad u32
};
static_assert(sizeof(ExitHypercall) == 72);
static_assert(offsetof(ExitHypercall, nr) == 0 && offsetof(ExitHypercall, args) == 8 &&
              offsetof(ExitHypercall, ret) == 56 && offsetof(ExitHypercall, flags) == 64);

struct ExitSystemEvent {               // offset
  std::uint32_t type;                  //      0
  std::uint32_t ndata;                 //      4
  std::array<std::uint64_t, 16> data;  //      8
};
static_assert(sizeof(ExitSystemEvent) == 136);
static_assert(offsetof(ExitSystemEvent, type) == 0 && offsetof(ExitSystemEvent, ndata) == 4 &&
              offsetof(ExitSystemEvent, data) == 8);

struct ExitMemoryFault {  // offset
  std::uint64_t flags;    //      0
  std::uint64_t gpa;      //      8
  std::uint64_t size;     //     16
};
static_assert(sizeof(ExitMemoryFault) == 24);
static_assert(offsetof(ExitMemoryFault, flags) == 0 && offsetof(ExitMemoryFault, gpa) == 8 &&
              offsetof(ExitMemoryFault, size) == 16);

struct ExitSnpReqCerts {  // offset   struct kvm_exit_snp_req_certs
  std::uint64_t gpa;      //      0   the guest's RAX
  std::uint64_t npages;   //      8   the guest's RBX
  std::uint64_t ret;      //     16   from user space: req_certs_*
};
static_assert(sizeof(ExitSnpReqCerts) == 24);
static_assert(offsetof(ExitSnpReqCerts, gpa) == 0 && offsetof(ExitSnpReqCerts, npages) == 8 &&
              offsetof(ExitSnpReqCerts, ret) == 16);

inline constexpr std::size_t exit_union_size = 256;
union Exit {
  ExitHypercall hypercall;
  ExitSystemEvent system_event;
  ExitMemoryFault memory_fault;
  ExitSnpReqCerts snp_req_certs;
  vmgexit::Vmgexit vmgexit;  // not KVM's: see abi/vmgexit.hpp
  std::array<std::uint8_t, exit_union_size> padding;
};
static_assert(sizeof(Exit) == exit_union_size && alignof(Exit) == 8);

struct Regs {            // offset   struct kvm_regs
  std::uint64_t rax;     //   0x00
  std::uint64_t rbx;     //   0x08
  std::uint64_t rcx;     //   0x10
  std::uint64_t rdx;     //   0x18
  std::uint64_t rsi;     //   0x20
  std::uint64_t rdi;     //   0x28
  std::uint64_t rsp;     //   0x30
  std::uint64_t rbp;     //   0x38
  std::uint64_t r8;      //   0x40
  std::uint64_t r9;      //   0x48
  std::uint64_t r10;     //   0x50
  std::uint64_t r11;     //   0x58
  std::uint64_t r12;     //   0x60
  std::uint64_t r13;     //   0x68
  std::uint64_t r14;     //   0x70
  std::uint64_t r15;     //   0x78
  std::uint64_t rip;     //   0x80
  std::uint64_t rflags;  //   0x88
};
static_assert(sizeof(Regs) == 144);
static_assert(offsetof(Regs, rax) == 0x00 && offsetof(Regs, rbx) == 0x08 &&
              offsetof(Regs, rcx) == 0x10 && offsetof(Regs, rdx) == 0x18 &&
              offsetof(Regs, rsi) == 0x20 && offsetof(Regs, rdi) == 0x28 &&
              offsetof(Regs, rsp) == 0x30 && offsetof(Regs, rbp) == 0x38 &&
              offsetof(Regs, r8) == 0x40 && offsetof(Regs, r9) == 0x48 &&
              offsetof(Regs, r10) == 0x50 && offsetof(Regs, r11) == 0x58 &&
              offsetof(Regs, r12) == 0x60 && offsetof(Regs, r13) == 0x68 &&
              offsetof(Regs, r14) == 0x70 && offsetof(Regs, r15) == 0x78 &&
              offsetof(Regs, rip) == 0x80 && offsetof(Regs, rflags) == 0x88);

inline constexpr std::size_t sync_regs_size = 2048;
union SyncRegs {
  Regs regs;  // the first member of struct kvm_sync_regs
  std::array<std::uint8_t, sync_regs_size> padding;
};
static_assert(sizeof(SyncRegs) == sync_regs_size && alignof(SyncRegs) == 8);

// ---------------------------------------------------------------------------------------------
// The run area that user space shares with KVM, one for each vCPU. Another thread of user space may
// write to it at any moment: the hypervisor fetches each field once.
struct Run {                                   // offset
  std::uint8_t request_interrupt_window;       //  0x000   to KVM
  std::uint8_t immediate_exit;                 //  0x001   to KVM
  std::array<std::uint8_t, 6> padding1;        //  0x002
  std::uint32_t exit_reason;                   //  0x008   from KVM
  std::uint8_t ready_for_interrupt_injection;  //  0x00C   from KVM
  std::uint8_t if_flag;                        //  0x00D   from KVM
  std::uint16_t flags;                         //  0x00E   from KVM
  std::uint64_t cr8;                           //  0x010   both ways
  std::uint64_t apic_base;                     //  0x018   both ways
  Exit exit;                                   //  0x020   by exit_reason; anonymous in KVM's header
  std::uint64_t kvm_valid_regs;                //  0x120   to KVM
  std::uint64_t kvm_dirty_regs;                //  0x128   to KVM
  SyncRegs s;                                  //  0x130   both ways
};
static_assert(sizeof(Run) == 2352 && alignof(Run) == 8);
static_assert(offsetof(Run, request_interrupt_window) == 0x000);
static_assert(offsetof(Run, immediate_exit) == 0x001);
static_assert(offsetof(Run, exit_reason) == 0x008);
static_assert(offsetof(Run, ready_for_interrupt_injection) == 0x00C);
static_assert(offsetof(Run, if_flag) == 0x00D);
static_assert(offsetof(Run, flags) == 0x00E);
static_assert(offsetof(Run, cr8) == 0x010);
static_assert(offsetof(Run, apic_base) == 0x018);
static_assert(offsetof(Run, exit) == 0x020);
static_assert(offsetof(Run, kvm_valid_regs) == 0x120);
static_assert(offsetof(Run, kvm_dirty_regs) == 0x128);
static_assert(offsetof(Run, s) == 0x130);

// Run::flags (KVM_RUN_X86_*).
inline constexpr std::uint16_t run_x86_smm = 1U << 0;
inline constexpr std::uint16_t run_x86_bus_lock = 1U << 1;
inline constexpr std::uint16_t run_x86_guest_mode = 1U << 2;

// ---------------------------------------------------------------------------------------------
// Arguments of ioctls.
struct DeviceAttr {     // offset   struct kvm_device_attr
  std::uint32_t flags;  //      0
  std::uint32_t group;  //      4
  std::uint64_t attr;   //      8
  std::uint64_t addr;   //     16   where KVM_GET_DEVICE_ATTR puts the u64
};
static_assert(sizeof(DeviceAttr) == 24);
static_assert(offsetof(DeviceAttr, flags) == 0 && offsetof(DeviceAttr, group) == 4 &&
              offsetof(DeviceAttr, attr) == 8 && offsetof(DeviceAttr, addr) == 16);

// Group and attribute of /dev/kvm.
inline constexpr std::uint32_t x86_grp_sev = 1;
inline constexpr std::uint64_t x86_sev_snp_req_certs = 2;

struct SevCmd {          // offset   struct kvm_sev_cmd
  std::uint32_t id;      //      0   sev_*
  std::uint32_t pad0;    //      4
  std::uint64_t data;    //      8
  std::uint32_t error;   //     16   firmware status
  std::uint32_t sev_fd;  //     20
};
static_assert(sizeof(SevCmd) == 24);
static_assert(offsetof(SevCmd, id) == 0 && offsetof(SevCmd, data) == 8 &&
              offsetof(SevCmd, error) == 16 && offsetof(SevCmd, sev_fd) == 20);

// SevCmd::id (enum sev_cmd_id), those for SNP guests.
inline constexpr std::uint32_t sev_init2 = 22;
inline constexpr std::uint32_t sev_snp_launch_start = 100;
inline constexpr std::uint32_t sev_snp_launch_update = 101;
inline constexpr std::uint32_t sev_snp_launch_finish = 102;
inline constexpr std::uint32_t sev_snp_enable_req_certs = 103;

struct EnableCap {                    // offset   struct kvm_enable_cap
  std::uint32_t cap;                  //      0
  std::uint32_t flags;                //      4
  std::array<std::uint64_t, 4> args;  //      8
  std::array<std::uint8_t, 64> pad;   //     40
};
static_assert(sizeof(EnableCap) == 104);
static_assert(offsetof(EnableCap, cap) == 0 && offsetof(EnableCap, flags) == 4 &&
              offsetof(EnableCap, args) == 8 && offsetof(EnableCap, pad) == 40);

inline constexpr std::uint32_t cap_exit_hypercall = 201;  // args[0] = bit set of hypercalls
inline constexpr std::uint32_t cap_sys_attributes = 209;

inline constexpr std::uint8_t ioctl_type = 0xAE;
inline constexpr std::uint32_t ioctl_check_extension = ioctl::io(ioctl_type, 0x03);
inline constexpr std::uint32_t ioctl_run = ioctl::io(ioctl_type, 0x80);
inline constexpr std::uint32_t ioctl_memory_encrypt_op =
    ioctl::iowr<std::uint64_t>(ioctl_type, 0xBA);  // the argument is a pointer to SevCmd
inline constexpr std::uint32_t ioctl_get_device_attr = ioctl::iow<DeviceAttr>(ioctl_type, 0xE2);
inline constexpr std::uint32_t ioctl_has_device_attr = ioctl::iow<DeviceAttr>(ioctl_type, 0xE3);

// ---------------------------------------------------------------------------------------------
// What KVM itself tells a guest where the GHCB document leaves the value to the hypervisor. From
// arch/x86/kvm/svm/sev.c and arch/x86/include/asm/sev-common.h; no user-space header has them.

// VMM error of a guest request that failed for any other reason (SNP_GUEST_VMM_ERR_GENERIC).
inline constexpr std::uint32_t snp_guest_vmm_err_generic = 0xFFFFFFFF;
// SW_EXITINFO2 of a page state change that user space refused (VMGEXIT_PSC_ERROR_GENERIC).
inline constexpr std::uint64_t psc_error_generic = 0x10000000000;
// Error of a page state change in the MSR protocol: bit 63 of the answer (GHCB_MSR_PSC_RESP_ERROR).
inline constexpr std::uint32_t psc_msr_error = 0x80000000;

}  // namespace extreq::abi::kvm
