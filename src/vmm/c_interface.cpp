// VM and vCPU of extreq/vmm.h.
#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <utility>

#include <sys/ioctl.h>

#include "base/try.hpp"
#include "extreq/vmm.h"
#include "vmm/c_failure.hpp"
#include "vmm/c_memory.hpp"
#include "vmm/c_objects.hpp"
#include "vmm/kvm_support.hpp"

namespace extreq::vmm {
namespace {

static_assert(static_cast<int>(Served::not_ours) == EXTREQ_VMM_NOT_OURS);
static_assert(static_cast<int>(Served::certificates) == EXTREQ_VMM_CERTIFICATES);
static_assert(static_cast<int>(Served::no_certificates) == EXTREQ_VMM_NO_CERTIFICATES);
static_assert(static_cast<int>(Served::too_small) == EXTREQ_VMM_TOO_SMALL);
static_assert(static_cast<int>(Served::busy) == EXTREQ_VMM_BUSY);

constexpr extreq_vmm_policy default_policy = EXTREQ_VMM_POLICY_INIT;
static_assert(default_policy.max_wait_ns == static_cast<std::uint64_t>(Policy{}.max_wait.count()));
static_assert(default_policy.busy_limit_ns ==
              static_cast<std::uint64_t>(Policy{}.busy_limit.count()));

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

// A caller that was built with a newer header may have set what this library does not know.
template <class Struct>
Status check_size(const Struct& given, const char* name) {
  const auto* const bytes = static_cast<const std::uint8_t*>(static_cast<const void*>(&given));
  if (given.size < sizeof(given)) {
    return fail(Code::invalid_input, "{}.size {}, not {}", name, given.size, sizeof(given));
  }
  const std::span unknown(bytes + sizeof(given), given.size - sizeof(given));
  if (std::ranges::any_of(unknown, [](std::uint8_t byte) { return byte != 0; })) {
    return fail(Code::invalid_input,
                "{}.size {}, and what lies behind byte {} is not known to this library", name,
                given.size, sizeof(given));
  }
  return {};
}

Result<Policy> policy_of(const extreq_vmm_policy& given) {
  EXTREQ_TRY(check_size(given, "policy"));
  const Policy standard;
  if (given.busy_limit_ns > nanoseconds_of(standard.busy_limit)) {
    return fail(Code::invalid_input,
                "policy: busy_limit_ns {}, at most {}: Linux guests wipe their "
                "key after 60 s",
                given.busy_limit_ns, standard.busy_limit.count());
  }
  if ((given.flags & ~std::uint64_t{EXTREQ_VMM_REVIEWED_EXIT}) != 0) {
    return fail(Code::invalid_input, "policy: flags {:#x}, of which {:#x} are known", given.flags,
                EXTREQ_VMM_REVIEWED_EXIT);
  }
  return Policy{.max_wait = duration_of(given.max_wait_ns),
                .busy_limit = duration_of(given.busy_limit_ns),
                .reviewed_exit = (given.flags & EXTREQ_VMM_REVIEWED_EXIT) != 0};
}

int status_of(const Status& status) noexcept { return status ? 0 : c_failure(status.error()); }

Status check_config(const extreq_vmm_vcpu_config& config) {
  EXTREQ_TRY(check_size(config, "vcpu_config"));
  if (config.run == nullptr && config.vcpu_fd < 0) {
    return fail(Code::invalid_input, "create vCPU: vcpu_fd {} and no run", config.vcpu_fd);
  }
  return {};
}

RunVcpu run_of(const extreq_vmm_vcpu_config& config) {
  if (config.run != nullptr) {
    return [run = config.run, opaque = config.opaque] { return run(opaque); };
  }
  return [fd = config.vcpu_fd] { return ::ioctl(fd, abi::kvm::ioctl_run, 0) == 0 ? 0 : -errno; };
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

int extreq_vmm_vcpu_create(extreq_vmm* vm, const extreq_vmm_vcpu_config* config,
                           extreq_vmm_vcpu** vcpu) {
  return c_guarded([&] {
    if (vm == nullptr || config == nullptr || vcpu == nullptr) {
      return c_failure(-EINVAL, "create vCPU: NULL");
    }
    if (!vm->process.here()) return c_failure(-ECANCELED, forked);
    if (const auto checked = check_config(*config); !checked) return c_failure(checked.error());
    auto exits = vm->state->exits.create_vcpu(run_of(*config));
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
  if (!vcpu->process.here()) return 0;
  return c_guarded([&] {
    CMemoryWriter writer(*memory);
    return vcpu->exits->handle(run_area(run), writer, duration_of(max_wait_ns));
  });
}

int extreq_vmm_vcpu_answer(const extreq_vmm_vcpu* vcpu) {
  if (vcpu == nullptr || !vcpu->process.here()) return EXTREQ_VMM_NOT_OURS;
  return static_cast<int>(vcpu->exits->answer());
}

const char* extreq_vmm_vcpu_failure(const extreq_vmm_vcpu* vcpu) {
  if (vcpu == nullptr || !vcpu->process.here()) return "";
  const auto& failure = vcpu->exits->last_failure();
  return failure ? failure->message.c_str() : "";
}

}  // extern "C"
