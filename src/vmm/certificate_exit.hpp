// CertificateExit and VcpuCertificateExit: serve the exit with which the hypervisor asks for
// certificates (KVM_EXIT_SNP_REQ_CERTS, or the review's KVM_EXIT_VMGEXIT: doc/user-exit.md). The
// lease on them begins and ends inside handle(), which also runs the vCPU once, so that the
// firmware signs under it. doc/vmm.md shows the order of calls.
//
//   for (;;) {
//     int result = KVM_RUN;                    // 0, or a negative errno value
//     if (result == 0) result = exits.handle(run, memory);
//     ... from here on as if the library were not there ...
//   }
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "abi/kvm.hpp"
#include "base/clock.hpp"
#include "lease/certificate_source.hpp"
#include "lease/process_mark.hpp"
#include "vmm/exit_fields.hpp"
#include "vmm/guest_memory_writer.hpp"
#include "vmm/policy.hpp"

namespace extreq::vmm {

enum class Served : std::uint8_t {
  not_ours,         // another exit, or a forked child: nothing was touched
  certificates,     // written
  no_certificates,  // an empty table, or nothing if the guest gave no page
  too_small,        // the guest was told how many pages are needed: it gave fewer, or pages that
                    // cannot be written
  busy,             // the guest was told to try again
};

// KVM_RUN on a vCPU: 0, or a negative errno value. It must reach the kernel whatever immediate_exit
// is: where it does not, nothing is signed without a lease, but the guest is only ever told BUSY.
using RunVcpu = std::function<int()>;

// What the vCPUs of one VM share.
// Lifetime: source and clock must outlive it, it must outlive its vCPUs. Threading: any thread.
class CertificateExit;

// One vCPU's exits. Threading: the vCPU's thread. In a forked child no call touches a lock, the run
// area (which parent and child share) or guest memory.
class VcpuCertificateExit {
 public:
  // Call it when KVM_RUN gave 0. Effect: nothing if the run area holds another exit. Otherwise
  // answers it: takes the lease (waiting no longer than the policy says), writes the table to guest
  // memory within the pages that the guest gave, and sets `ret` (and the page count that is
  // needed). Then completes it: calls KVM_RUN once with immediate_exit set, so that it comes back
  // as soon as the firmware has signed, and ends the lease. Every field of the run area is read
  // once. Nothing that guest or source do makes it fail: see Served.
  //
  // Gives what KVM_RUN gave, to be treated as the caller treats its own: normally -EINTR, so the
  // caller looks at its reasons to leave the guest and goes on. 0: the run area holds an exit for
  // the caller, this one or a new one.
  //
  // If that run came back before the completion (a vCPU whose state is KVM_MP_STATE_UNINITIALIZED,
  // sync bits that are refused), the exit is still pending. It was answered under a lease that is
  // now over, so its answer is turned into BUSY.
  //
  // immediate_exit is afterwards as it was, or as somebody else set it meanwhile: a kick is never
  // lost.
  //
  // `max_wait`: the deadline of this call, if it is shorter than the policy's.
  [[nodiscard]] int handle(abi::kvm::Run& run, GuestMemoryWriter& memory,
                           Clock::Duration max_wait = Clock::Duration::max());

  // What the last handle() answered. Already known while it calls KVM_RUN.
  [[nodiscard]] Served answer() const noexcept { return answer_; }

  // For logs: why the last handle() could not give certificates; none if it could, if there are
  // none to give, or if the guest only has to offer more pages.
  [[nodiscard]] const std::optional<Error>& last_failure() const noexcept { return failure_; }

 private:
  friend class CertificateExit;
  VcpuCertificateExit(CertificateExit& vm, std::unique_ptr<lease::Holder> holder, RunVcpu run);

  [[nodiscard]] Served answer_exit(abi::kvm::Run& run, const ExitFields& exit,
                                   GuestMemoryWriter& memory, Clock::Duration max_wait);
  [[nodiscard]] Served serve_table(abi::kvm::Run& run, const ExitFields& exit, ByteView table,
                                   GuestMemoryWriter& memory);
  [[nodiscard]] Served serve_without(abi::kvm::Run& run, const ExitFields& exit,
                                     std::uint64_t pages_wanted, GuestMemoryWriter& memory);

  CertificateExit& vm_;
  std::unique_ptr<lease::Holder> holder_;
  RunVcpu run_vcpu_;
  lease::ProcessMark process_;
  Served answer_ = Served::not_ours;
  std::optional<Error> failure_;
};

class CertificateExit {
 public:
  explicit CertificateExit(lease::CertificateSource& source, const Policy& policy = {},
                           Clock& clock = system_clock()) noexcept;

  // `run` is called by handle() alone, on its thread. Failure: as CertificateSource::open_holder.
  [[nodiscard]] Result<std::unique_ptr<VcpuCertificateExit>> create_vcpu(RunVcpu run);

 private:
  friend class VcpuCertificateExit;

  // Whether BUSY may still be answered; notes that it is.
  [[nodiscard]] bool may_answer_busy() noexcept;
  void answered_otherwise() noexcept;

  lease::CertificateSource& source_;
  Policy policy_;
  Clock& clock_;
  // Since when this guest hears nothing but BUSY; none if the last answer was another one.
  std::atomic<std::int64_t> busy_since_;
};

}  // namespace extreq::vmm
