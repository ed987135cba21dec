// VM and vCPU of extreq/vmm.h.
#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "extreq/vmm.h"
#include "vmm/c_failure.hpp"
#include "vmm/c_memory.hpp"
#include "vmm/c_objects.hpp"
#include "vmm/exit_fields.hpp"
#include "vmm/kvm_support.hpp"

namespace extreq::vmm {
namespace {

static_assert(static_cast<int>(Served::not_ours) == EXTREQ_VMM_NOT_OURS);
static_assert(static_cast<int>(Served::certificates) == EXTREQ_VMM_CERTIFICATES);
static_assert(static_cast<int>(Served::no_certificates) == EXTREQ_VMM_NO_CERTIFICATES);
static_assert(static_cast<int>(Served::too_small) == EXTREQ_VMM_TOO_SMALL);
static_assert(static_cast<int>(Served::busy) == EXTREQ_VMM_BUSY);
static_assert(static_cast<int>(Served::failed) == EXTREQ_VMM_FAILED);

constexpr const char* forked = "this process was forked from the one that made the object";

abi::kvm::Run& run_area(kvm_run* run) noexcept {
  return *static_cast<abi::kvm::Run*>(static_cast<void*>(run));
}

Clock::Duration duration_of(std::uint64_t nanoseconds) noexcept {
  constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return Clock::Duration(static_cast<std::int64_t>(std::min(nanoseconds, longest)));
}

std::uint64_t nanoseconds_of(Clock::Duration duration) noexcept {
  return static_cast<std::uint64_t>(duration.count());
}

Result<Policy> policy_of(const extreq_vmm_policy& given) {
  const Policy standard;
  if (given.busy_limit_ns > nanoseconds_of(standard.busy_limit)) {
    return fail(Code::invalid_input,
                "policy: busy_limit_ns {}, at most {}: Linux guests wipe their "
                "key after 60 s",
                given.busy_limit_ns, standard.busy_limit.count());
  }
  if (given.without_certificates > EXTREQ_VMM_FAIL_REQUEST) {
    return fail(Code::invalid_input, "policy: without_certificates {}, not 0 or 1",
                given.without_certificates);
  }
  return Policy{.max_wait = duration_of(given.max_wait_ns),
                .busy_limit = duration_of(given.busy_limit_ns),
                .without_certificates = given.without_certificates == EXTREQ_VMM_FAIL_REQUEST
                                            ? WithoutCertificates::fail_request
                                            : WithoutCertificates::empty_table,
                .rate_interval = duration_of(given.rate_interval_ns),
                .rate_burst = given.rate_burst};
}

int status_of(const Status& status) noexcept { return status ? 0 : c_failure(status.error()); }

// An exit must be answered even where there is no memory for words about what went wrong. Nothing
// is known of the guest's pages then, so there must be no report beside them: doc/vmm.md.
int answer_without_memory(kvm_run* run, extreq_vmm_vcpu* vcpu) noexcept {
  vcpu->exits->vcpu_dead();
  const auto exit = read_certificate_exit(run_area(run));
  if (!exit) return EXTREQ_VMM_NOT_OURS;
  answer_certificate_exit(run_area(run), *exit, ExitAnswer::too_small, 1);
  return EXTREQ_VMM_TOO_SMALL;
}

}  // namespace
}  // namespace extreq::vmm

using namespace extreq;
using namespace extreq::vmm;

extern "C" {

uint32_t extreq_vmm_version(void) {
  return EXTREQ_VMM_VERSION_MAJOR << 16 | EXTREQ_VMM_VERSION_MINOR;
}

const char* extreq_vmm_error(void) { return last_c_failure(); }

int extreq_vmm_kvm_supported(int kvm_fd) {
  return c_guarded([&] { return status_of(certificate_exit_supported(kvm_fd)); });
}

int extreq_vmm_kvm_enable(int kvm_fd, int vm_fd, int sev_fd) {
  return c_guarded([&] { return status_of(enable_certificate_exit(kvm_fd, vm_fd, sev_fd)); });
}

void extreq_vmm_policy_default(extreq_vmm_policy* policy) {
  if (policy == nullptr) return;
  const Policy standard;
  *policy = {.max_wait_ns = nanoseconds_of(standard.max_wait),
             .busy_limit_ns = nanoseconds_of(standard.busy_limit),
             .rate_interval_ns = nanoseconds_of(standard.rate_interval),
             .rate_burst = standard.rate_burst,
             .without_certificates = EXTREQ_VMM_EMPTY_TABLE};
}

int extreq_vmm_create(extreq_vmm_source* source, const extreq_vmm_policy* policy, extreq_vmm** vm) {
  return c_guarded([&] {
    if (source == nullptr || vm == nullptr) return c_failure(-EINVAL, "create VM: NULL");
    if (!source->process.here()) return c_failure(-ECANCELED, forked);
    Policy chosen;
    if (policy != nullptr) {
      const auto given = policy_of(*policy);
      if (!given) return c_failure(given.error());
      chosen = *given;
    }
    auto state = std::make_shared<VmState>(source->state, chosen);
    *vm = std::make_unique<extreq_vmm>(extreq_vmm{std::move(state), {}}).release();
    return 0;
  });
}

void extreq_vmm_destroy(extreq_vmm* vm) {
  if (vm == nullptr || !vm->process.here()) return;
  const std::unique_ptr<extreq_vmm> owned(vm);
}

int extreq_vmm_vcpu_create(extreq_vmm* vm, extreq_vmm_vcpu** vcpu) {
  return c_guarded([&] {
    if (vm == nullptr || vcpu == nullptr) return c_failure(-EINVAL, "create vCPU: NULL");
    if (!vm->process.here()) return c_failure(-ECANCELED, forked);
    auto exits = vm->state->exits.create_vcpu();
    if (!exits) return c_failure(exits.error());
    *vcpu = std::make_unique<extreq_vmm_vcpu>(extreq_vmm_vcpu{vm->state, *std::move(exits), {}})
                .release();
    return 0;
  });
}

void extreq_vmm_vcpu_destroy(extreq_vmm_vcpu* vcpu) {
  if (vcpu == nullptr || !vcpu->process.here()) return;
  const std::unique_ptr<extreq_vmm_vcpu> owned(vcpu);
}

int extreq_vmm_vcpu_handle(extreq_vmm_vcpu* vcpu, kvm_run* run, const extreq_vmm_memory* memory,
                           uint64_t max_wait_ns) {
  if (vcpu == nullptr || run == nullptr || memory == nullptr) {
    return c_failure(-EINVAL, "handle: NULL");
  }
  if (!vcpu->process.here()) return EXTREQ_VMM_NOT_OURS;
  const int served = c_guarded([&] {
    CMemoryWriter writer(*memory);
    return static_cast<int>(vcpu->exits->handle(run_area(run), writer, duration_of(max_wait_ns)));
  });
  return served >= 0 ? served : answer_without_memory(run, vcpu);
}

const char* extreq_vmm_vcpu_failure(const extreq_vmm_vcpu* vcpu) {
  if (vcpu == nullptr || !vcpu->process.here()) return "";
  const auto& failure = vcpu->exits->last_failure();
  return failure ? failure->message.c_str() : "";
}

int extreq_vmm_vcpu_after_run(extreq_vmm_vcpu* vcpu, int result) {
  if (vcpu == nullptr || !vcpu->process.here()) return 0;
  return vcpu->exits->after_run(result) == AfterRun::clear_immediate_exit
             ? EXTREQ_VMM_CLEAR_IMMEDIATE_EXIT
             : 0;
}

void extreq_vmm_clear_immediate_exit(kvm_run* run) {
  if (run != nullptr) clear_immediate_exit(run_area(run));
}

void extreq_vmm_vcpu_dead(extreq_vmm_vcpu* vcpu) {
  if (vcpu != nullptr && vcpu->process.here()) vcpu->exits->vcpu_dead();
}

int extreq_vmm_vcpu_drop(extreq_vmm_vcpu* vcpu, kvm_run* run) {
  if (vcpu == nullptr || run == nullptr || !vcpu->process.here()) return 0;
  return vcpu->exits->drop(run_area(run)) ? 1 : 0;
}

int extreq_vmm_vcpu_lease_held(const extreq_vmm_vcpu* vcpu) {
  return vcpu != nullptr && vcpu->process.here() && vcpu->exits->lease_held() ? 1 : 0;
}

}  // extern "C"
