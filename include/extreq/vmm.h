/* libextreq-vmm: serves the exit in which KVM asks the VMM for a guest's certificates
 * (KVM_EXIT_SNP_REQ_CERTS), under a lease on them that lasts until the firmware has signed.
 * doc/vmm.md is the guide; this is the whole interface. C11, C++ and whatever binds to C.
 *
 *   extreq_vmm_source_open_blob("/run/extreq/certs/host.blob", &source);
 *   extreq_vmm_kvm_enable(kvm_fd, vm_fd, sev_fd);            before the first vCPU
 *   extreq_vmm_create(source, NULL, &vm);
 *   struct extreq_vmm_vcpu_config config = {sizeof config, fd, NULL, NULL};
 *   extreq_vmm_vcpu_create(vm, &config, &vcpu);              each vCPU, before the sandbox
 *
 *   for (;;) {                                               each vCPU's thread
 *     int result = ioctl(fd, KVM_RUN, 0) == 0 ? 0 : -errno;
 *     if (result == 0) result = extreq_vmm_vcpu_handle(vcpu, run, &memory, EXTREQ_VMM_POLICY_WAIT);
 *     ... from here on as without the library:
 *     if (result == -EINTR || result == -EAGAIN) {           a kick; the first INIT of a vCPU
 *       ... look at your own reasons to leave the guest ...
 *       continue;
 *     }
 *     if (result == -EFAULT && run->exit_reason == KVM_EXIT_MEMORY_FAULT) { ... convert; continue;
 * } if (result != 0) break;                                the vCPU has failed
 *     ... the other exits, by run->exit_reason ...
 *   }
 *
 * Failure: 0 or a positive answer is success; a negative errno value is a failure, and
 * extreq_vmm_error() then says what was found and what was wanted. No call ends the process, none
 * throws, none writes to a terminal.
 *   -EINVAL an argument or the content is wrong   -ENOENT     the named thing does not exist
 *   -EAGAIN an update is under way                -EOPNOTSUPP this machine or kernel cannot
 *   -EIO    the operating system refused          -ECANCELED  not in this process: it was forked
 *   -ENOMEM no memory
 * Lifetime: each object is released by its owner's own call, in any order: what is still needed
 * stays until the last user is gone.
 * Threading: any thread; but the calls on one vCPU are made on its thread, one at a time.
 * Fork: in a forked child no call does anything to lock, run area, guest memory or the object.
 * Seccomp: doc/vmm.md lists the system calls that remain once the vCPUs are created.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXTREQ_VMM_VERSION_MAJOR 2
#define EXTREQ_VMM_VERSION_MINOR 0

#if defined(__GNUC__)
#define EXTREQ_VMM_API __attribute__((visibility("default")))
#else
#define EXTREQ_VMM_API
#endif

struct kvm_run; /* linux/kvm.h, as mapped from the vCPU's descriptor */

typedef struct extreq_vmm_source extreq_vmm_source; /* where certificates come from */
typedef struct extreq_vmm extreq_vmm;               /* what the vCPUs of one VM share */
typedef struct extreq_vmm_vcpu extreq_vmm_vcpu;     /* one vCPU and its lease */

/* The library's own version, major << 16 | minor: programs that load it by hand compare the major
 * number. */
EXTREQ_VMM_API uint32_t extreq_vmm_version(void);

/* Why the last failing call of this thread failed, in words; "" before the first. Valid until the
 * thread's next failing call. */
EXTREQ_VMM_API const char* extreq_vmm_error(void);

/* ---- Sources --------------------------------------------------------------------------------- */

/* The host's blob file, read under the lock that the kernel's documentation recommends. It need not
 * exist yet. */
EXTREQ_VMM_API int extreq_vmm_source_open_blob(const char* path, extreq_vmm_source** source);

/* The host service's Unix socket (extreq host serve), for a VMM that may not open the blob. Each
 * vCPU has a connection of its own, made by extreq_vmm_vcpu_create(); where the service is not
 * there yet, or was started anew, by the next request. */
EXTREQ_VMM_API int extreq_vmm_source_open_socket(const char* path, extreq_vmm_source** source);

/* Certificates that this process keeps itself: `size` bytes in the GHCB's format, copied; none for
 * size 0. */
EXTREQ_VMM_API int extreq_vmm_source_open_memory(const void* table, size_t size,
                                                 extreq_vmm_source** source);

/* A memory source's update. begin: waits, at most `max_wait_ns`, until no lease is held; from then
 * on none is given, until end, which publishes `table` (none for size 0). Between them the signing
 * key may change. -EAGAIN: leases are held after max_wait_ns, the old table stays. */
EXTREQ_VMM_API int extreq_vmm_source_update_begin(extreq_vmm_source* source, uint64_t max_wait_ns);
EXTREQ_VMM_API int extreq_vmm_source_update_end(extreq_vmm_source* source, const void* table,
                                                size_t size);

/* An update that was begun and not ended ends here, without a table. */
EXTREQ_VMM_API void extreq_vmm_source_close(extreq_vmm_source* source);

/* ---- The kernel ------------------------------------------------------------------------------ */

/* 0 if this /dev/kvm has the certificate exit. -EOPNOTSUPP: what is missing. */
EXTREQ_VMM_API int extreq_vmm_kvm_supported(int kvm_fd);

/* Asks as above, then switches the exit on for a VM: after KVM_SEV_INIT2, before its first vCPU.
 * `sev_fd`: /dev/sev, or -1. Keep /dev/sev open, as the same descriptor number that
 * KVM_SEV_SNP_LAUNCH_START was given, as long as the VM runs: KVM looks it up at each request of
 * the guest, and KVM_RUN fails with EBADF where it is gone. After a failure the VM is as it was:
 * its guests get their reports with an empty table. -EOPNOTSUPP: no such kernel, or no encrypted
 * VM; -EINVAL: wrong order. */
EXTREQ_VMM_API int extreq_vmm_kvm_enable(int kvm_fd, int vm_fd, int sev_fd);

/* ---- VM and vCPU ----------------------------------------------------------------------------- */

/* Answers the exit that the review of 2024 asked for, too. On real KVM its number, 40, is
 * KVM_EXIT_TDX: only for a hypervisor that was asked for that form. */
#define EXTREQ_VMM_REVIEWED_EXIT 1u

struct extreq_vmm_policy {
  size_t size;            /* sizeof(struct extreq_vmm_policy) */
  uint64_t max_wait_ns;   /* longest wait of one exit for a lease; default 20 ms */
  uint64_t busy_limit_ns; /* longest time of nothing but BUSY for one guest; 30 s, and no more */
  uint64_t flags;         /* EXTREQ_VMM_REVIEWED_EXIT, or 0 */
};

#define EXTREQ_VMM_POLICY_INIT \
  { sizeof(struct extreq_vmm_policy), 20000000u, 30000000000u, 0 }

/* `policy`: copied; NULL for the default. -EINVAL for values that are none. */
EXTREQ_VMM_API int extreq_vmm_create(extreq_vmm_source* source,
                                     const struct extreq_vmm_policy* policy, extreq_vmm** vm);
EXTREQ_VMM_API void extreq_vmm_destroy(extreq_vmm* vm);

struct extreq_vmm_vcpu_config {
  size_t size; /* sizeof(struct extreq_vmm_vcpu_config) */
  int vcpu_fd; /* what KVM_CREATE_VCPU gave; it stays the caller's, and open until destroy */
  /* NULL: the library calls ioctl(vcpu_fd, KVM_RUN, 0). Otherwise this, in place of that: 0 or the
   * negative errno value. It must call KVM_RUN whatever immediate_exit is, and must not throw or
   * jump. A wrapper that skips KVM_RUN leaves the guest with BUSY as its only answer. */
  int (*run)(void* opaque);
  void* opaque;
};

/* Opens what this vCPU's lease needs: a file description of its own. `config`: copied. */
EXTREQ_VMM_API int extreq_vmm_vcpu_create(extreq_vmm* vm,
                                          const struct extreq_vmm_vcpu_config* config,
                                          extreq_vmm_vcpu** vcpu);
EXTREQ_VMM_API void extreq_vmm_vcpu_destroy(extreq_vmm_vcpu* vcpu);

/* How bytes get into guest memory: one of the two. */
struct extreq_vmm_region {
  uint64_t gpa;
  void* bytes;
  uint64_t size;
};
struct extreq_vmm_memory {
  /* Writes to shared guest memory; 0, or a negative errno value (perhaps half-way). `gpa` is the
   * guest's and may be anything, but gpa + size does not wrap around. It must not throw or jump. */
  int (*write)(void* opaque, uint64_t gpa, const void* bytes, size_t size);
  void* opaque;
  /* Where write is NULL: memory mapped into this process, which nobody unmaps meanwhile, and whose
   * stores cannot fault: hugetlbfs and tmpfs mappings must be populated. The guest chooses the
   * address: a store to the shared alias of a private page allocates that page. Use write to refuse
   * such addresses. */
  const struct extreq_vmm_region* regions;
  size_t region_count;
};

#define EXTREQ_VMM_POLICY_WAIT UINT64_MAX /* the policy's max_wait_ns */

/* Call it when KVM_RUN gave 0. If `run` holds another exit than ours, or this process was forked,
 * it does nothing and gives 0. Otherwise it answers the exit and completes it: takes the lease,
 * waiting at most `max_wait_ns` or the policy's wait, whichever is shorter; writes the table to
 * guest memory; sets ret and npages; sets immediate_exit and calls KVM_RUN once more, in which the
 * firmware signs; makes sure that nothing of this exit can be signed later; ends the lease. Gives
 * what that KVM_RUN gave, to be treated as your own KVM_RUN's result: normally -EINTR. So look at
 * your reasons to leave the guest, and go on. 0: `run` holds an exit for you. -EINVAL for a NULL
 * argument too, with extreq_vmm_error().
 * immediate_exit is then as it was, or as somebody set it meanwhile: a kick is not lost. No exit of
 * ours is pending, and no lease is held: the VM can be paused, saved and migrated at once.
 * Allocates nothing once the vCPU's first request is through, unless something fails. */
EXTREQ_VMM_API int extreq_vmm_vcpu_handle(extreq_vmm_vcpu* vcpu, struct kvm_run* run,
                                          const struct extreq_vmm_memory* memory,
                                          uint64_t max_wait_ns);

/* What the last handle() answered, for logs. */
#define EXTREQ_VMM_NOT_OURS 0        /* it was another exit: nothing was touched */
#define EXTREQ_VMM_CERTIFICATES 1    /* the table */
#define EXTREQ_VMM_NO_CERTIFICATES 2 /* an empty table, or nothing if the guest gave no page */
#define EXTREQ_VMM_TOO_SMALL 3       /* the guest was told how many pages are needed */
#define EXTREQ_VMM_BUSY 4            /* the guest was told to try again */
EXTREQ_VMM_API int extreq_vmm_vcpu_answer(const extreq_vmm_vcpu* vcpu);

/* Why the last handle() had no certificates to give; "" if it had, or if there are none to give.
 * Valid until the vCPU's next call. */
EXTREQ_VMM_API const char* extreq_vmm_vcpu_failure(const extreq_vmm_vcpu* vcpu);

#ifdef __cplusplus
}
#endif
