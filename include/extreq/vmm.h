/* libextreq-vmm: serves the exit in which KVM asks the VMM for a guest's certificates
 * (KVM_EXIT_SNP_REQ_CERTS), and holds them true until the firmware has signed the report.
 * doc/vmm.md is the guide; this is the whole interface. C11, C++ and whatever binds to C.
 *
 *   extreq_vmm_source_open_blob("/run/extreq/certs/host.blob", &source);
 *   extreq_vmm_kvm_enable(kvm_fd, vm_fd, sev_fd);            before the first vCPU
 *   extreq_vmm_create(source, NULL, &vm);
 *   extreq_vmm_vcpu_create(vm, &vcpu);                       each vCPU, before the sandbox
 *
 *   for (;;) {                                               each vCPU's thread
 *     int result = ioctl(fd, KVM_RUN, 0) == 0 ? 0 : -errno;
 *     if (extreq_vmm_vcpu_after_run(vcpu, result) == EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT) {
 *       extreq_vmm_clear_immediate_exit(run);
 *       ... look at your own reasons to leave the guest: a kick may have been lost by that ...
 *     }
 *     if (result == 0 &&
 *         extreq_vmm_vcpu_handle(vcpu, run, &memory, EXTREQ_VMM_POLICY_WAIT) !=
 *             EXTREQ_VMM_NOT_OURS) continue;
 *     ... other exits ...
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
 * Threading: any thread, but that the calls on one vCPU are its thread's, one at a time.
 * Fork: in a forked child no call does anything to lock, run area, guest memory or the object.
 * Seccomp: doc/vmm.md lists the system calls that remain once the vCPUs are created.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXTREQ_VMM_VERSION_MAJOR 1
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

EXTREQ_VMM_API void extreq_vmm_source_close(extreq_vmm_source* source);

/* ---- The kernel ------------------------------------------------------------------------------ */

/* 0 if this /dev/kvm has the certificate exit. -EOPNOTSUPP: what is missing. */
EXTREQ_VMM_API int extreq_vmm_kvm_supported(int kvm_fd);

/* Asks as above, then switches the exit on for a VM: after KVM_SEV_INIT2, before its first vCPU.
 * `sev_fd`: /dev/sev, or -1. After a failure the VM is as it was: its guests get their reports with
 * an empty table. -EOPNOTSUPP: no such kernel, or no encrypted VM; -EINVAL: wrong order. */
EXTREQ_VMM_API int extreq_vmm_kvm_enable(int kvm_fd, int vm_fd, int sev_fd);

/* ---- VM and vCPU ----------------------------------------------------------------------------- */

/* When there are no certificates to be had. */
#define EXTREQ_VMM_EMPTY_TABLE 0u /* the guest gets its report and an empty table */
/* The request fails. A Linux guest then wipes its key: NO ATTESTATION UNTIL IT IS RESTARTED. */
#define EXTREQ_VMM_FAIL_REQUEST 1u

struct extreq_vmm_policy {
  uint64_t max_wait_ns;      /* longest wait of one exit for a lease; default 20 ms */
  uint64_t busy_limit_ns;    /* longest time of nothing but BUSY for one guest; 30 s, and no more */
  uint64_t rate_interval_ns; /* one request each, on average; 0, the default: no limit */
  uint32_t rate_burst;       /* that many at once; default 1 */
  uint32_t without_certificates; /* EXTREQ_VMM_EMPTY_TABLE, the default, or the other */
};

EXTREQ_VMM_API void extreq_vmm_policy_default(struct extreq_vmm_policy* policy);

/* `policy`: copied; NULL for the default. -EINVAL for values that are none. */
EXTREQ_VMM_API int extreq_vmm_create(extreq_vmm_source* source,
                                     const struct extreq_vmm_policy* policy, extreq_vmm** vm);
EXTREQ_VMM_API void extreq_vmm_destroy(extreq_vmm* vm);

/* Opens what this vCPU's lease needs: a file description of its own. */
EXTREQ_VMM_API int extreq_vmm_vcpu_create(extreq_vmm* vm, extreq_vmm_vcpu** vcpu);
/* Ends the lease too. */
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
  /* Where write is NULL: memory mapped into this process, which nobody unmaps meanwhile. */
  const struct extreq_vmm_region* regions;
  size_t region_count;
};

/* What extreq_vmm_vcpu_handle() did. */
#define EXTREQ_VMM_NOT_OURS 0        /* another exit, or a forked child: nothing was touched */
#define EXTREQ_VMM_CERTIFICATES 1    /* written; a lease is held until after_run */
#define EXTREQ_VMM_NO_CERTIFICATES 2 /* an empty table, or nothing if the guest gave no page */
#define EXTREQ_VMM_TOO_SMALL 3       /* the guest was told how many pages are needed */
#define EXTREQ_VMM_BUSY 4            /* the guest was told to try again */
#define EXTREQ_VMM_FAILED 5          /* only by EXTREQ_VMM_FAIL_REQUEST */

#define EXTREQ_VMM_POLICY_WAIT UINT64_MAX /* the policy's max_wait_ns */

/* After KVM_RUN gave 0: if `run` holds a certificate exit, answers it: takes the lease, waiting at
 * most `max_wait_ns` or the policy's wait, whichever is shorter; writes the table to guest memory;
 * sets ret, npages and, with certificates, immediate_exit. -EINVAL for a NULL argument alone: an
 * exit is always answered. Allocates nothing once the vCPU's first request is through, unless
 * something fails. */
EXTREQ_VMM_API int extreq_vmm_vcpu_handle(extreq_vmm_vcpu* vcpu, struct kvm_run* run,
                                          const struct extreq_vmm_memory* memory,
                                          uint64_t max_wait_ns);

/* Why the last handle() had no certificates to give; "" if it had, or if there are none to give.
 * Valid until the vCPU's next call. */
EXTREQ_VMM_API const char* extreq_vmm_vcpu_failure(const extreq_vmm_vcpu* vcpu);

#define EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT 1

/* After every KVM_RUN: `result` is 0 or the negative errno value. 0 and -EINTR end the lease: the
 * firmware has signed. -EINVAL may come before that: the lease stays. Any other value ends it.
 * 0, or EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT when immediate_exit was set by handle() and has done its
 * work: clear it, THEN look at your own kick flag. */
EXTREQ_VMM_API int extreq_vmm_vcpu_after_run(extreq_vmm_vcpu* vcpu, int result);

/* Stores 0 in run->immediate_exit, by one store. */
EXTREQ_VMM_API void extreq_vmm_clear_immediate_exit(struct kvm_run* run);

/* The vCPU will not run again: ends the lease. */
EXTREQ_VMM_API void extreq_vmm_vcpu_dead(extreq_vmm_vcpu* vcpu);

/* The vCPU will not run for now, because it is about to be migrated, saved or paused: ends the
 * lease, and turns the answer of a request that is under way into BUSY, so that nothing is signed
 * without it. 1 if there was such a request, else 0. */
EXTREQ_VMM_API int extreq_vmm_vcpu_drop(extreq_vmm_vcpu* vcpu, struct kvm_run* run);

/* 1 or 0. */
EXTREQ_VMM_API int extreq_vmm_vcpu_lease_held(const extreq_vmm_vcpu* vcpu);

#ifdef __cplusplus
}
#endif
