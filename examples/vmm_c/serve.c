/* A vCPU's loop in C, with libextreq-vmm. Where a VMM calls ioctl(fd, KVM_RUN), this program calls
 * run_vcpu(), a stand-in that asks for certificates again and again and checks what it gets, so
 * that it runs on any machine. examples/kvm_vmm is the loop on real KVM.
 *
 *   vmm_c BLOB REQUESTS
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extreq/vmm.h"

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
#ifndef KVM_EXIT_SNP_REQ_CERTS
#define KVM_EXIT_SNP_REQ_CERTS 43
#endif

enum { PAGE = 4096, PAGES = 4, GPA = 0x100000 };

/* struct kvm_exit_snp_req_certs; older headers lack it. It lies where `hw` does in kvm_run. */
struct req_certs {
  uint64_t gpa;
  uint64_t npages;
  uint64_t ret;
};

struct machine {
  struct kvm_run run;
  uint8_t memory[PAGES * PAGE];
  int pending; /* an exit waits for its completion */
  long served;
};

/* A signal handler that wants this vCPU out of the guest sets this, then run->immediate_exit. */
static atomic_int kick_requested;

static struct req_certs load(const struct kvm_run* run) {
  struct req_certs exit;
  memcpy(&exit, &run->hw, sizeof exit);
  return exit;
}

/* The stand-in for KVM_RUN: completes what is pending, then asks again. */
static int run_vcpu(void* opaque) {
  struct machine* const machine = opaque;
  if (machine->pending) {
    const struct req_certs answer = load(&machine->run);
    machine->pending = 0;
    if (answer.ret != 0) return -EIO;
    ++machine->served;
  }
  if (machine->run.immediate_exit) return -EINTR;
  const struct req_certs ask = {GPA, PAGES, 0};
  memcpy(&machine->run.hw, &ask, sizeof ask);
  machine->run.exit_reason = KVM_EXIT_SNP_REQ_CERTS;
  machine->pending = 1;
  return 0;
}

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, extreq_vmm_error());
  return 1;
}

static int loop(struct machine* machine, extreq_vmm_vcpu* vcpu, long requests) {
  const struct extreq_vmm_region ram = {GPA, machine->memory, sizeof machine->memory};
  const struct extreq_vmm_memory memory = {NULL, NULL, &ram, 1};
  while (machine->served < requests) {
    int result = run_vcpu(machine);
    if (result == 0) {
      result = extreq_vmm_vcpu_handle(vcpu, &machine->run, &memory, EXTREQ_VMM_POLICY_WAIT);
      if (extreq_vmm_vcpu_answer(vcpu) != EXTREQ_VMM_CERTIFICATES) {
        fprintf(stderr, "no certificates: %s\n", extreq_vmm_vcpu_failure(vcpu));
        return 1;
      }
    }
    /* From here on as without the library. */
    if (result == -EINTR || result == -EAGAIN) {
      machine->run.immediate_exit = 0; /* before the look at what it was set for */
      if (atomic_exchange(&kick_requested, 0)) return 0;
      continue;
    }
    if (result == -EFAULT && machine->run.exit_reason == KVM_EXIT_MEMORY_FAULT) {
      continue; /* a VMM of SNP guests converts the memory here */
    }
    if (result != 0) {
      fprintf(stderr, "KVM_RUN: %s\n", strerror(-result));
      return 1;
    }
    fprintf(stderr, "nobody serves exit reason %u\n", machine->run.exit_reason);
    return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: vmm_c BLOB REQUESTS\n");
    return 2;
  }
  extreq_vmm_source* source = NULL;
  extreq_vmm* vm = NULL;
  extreq_vmm_vcpu* vcpu = NULL;
  if (extreq_vmm_source_open_blob(argv[1], &source) != 0) return fail("source");
  if (extreq_vmm_create(source, NULL, &vm) != 0) return fail("VM");
  struct machine* machine = calloc(1, sizeof *machine);
  if (machine == NULL) return 1;
  /* On KVM: {sizeof config, fd, NULL, NULL}, with the vCPU's descriptor. */
  const struct extreq_vmm_vcpu_config config = {sizeof config, -1, run_vcpu, machine};
  if (extreq_vmm_vcpu_create(vm, &config, &vcpu) != 0) return fail("vCPU");

  const int status = loop(machine, vcpu, strtol(argv[2], NULL, 10));
  printf("served %ld\n", machine->served);
  fwrite(machine->memory, 1, sizeof machine->memory, stdout);

  extreq_vmm_vcpu_destroy(vcpu);
  free(machine);
  extreq_vmm_destroy(vm);
  extreq_vmm_source_close(source);
  return status;
}
