// CertificateExit and VcpuCertificateExit: serve the exit with which the hypervisor asks for
// certificates (KVM_EXIT_SNP_REQ_CERTS, or the review's KVM_EXIT_VMGEXIT: doc/user-exit.md), and
// hold them true until the firmware has signed. doc/vmm.md shows the order of calls.
//
//   for (;;) {
//     const int result = KVM_RUN;              // 0, or a negative errno value
//     if (exits.after_run(result) == AfterRun::clear_immediate_exit) {
//       clear_immediate_exit(run);
//       ... look at your own reasons to leave again: a kick may have been lost by that ...
//     }
//     if (result == 0 && exits.handle(run, memory) != Served::not_ours) continue;
//     ... other exits ...
//   }
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "abi/kvm.hpp"
#include "base/clock.hpp"
#include "lease/certificate_source.hpp"
#include "lease/process_mark.hpp"
#include "vmm/exit_fields.hpp"
#include "vmm/guest_memory_writer.hpp"
#include "vmm/policy.hpp"
#include "vmm/rate_limit.hpp"

namespace extreq::vmm {

enum class Served : std::uint8_t {
  not_ours,         // another exit, or a forked child: nothing was touched
  certificates,     // written; a lease is held until after_run()
  no_certificates,  // an empty table, or nothing if the guest gave no page
  too_small,        // the guest was told how many pages are needed: it gave fewer, or pages that
                    // cannot be written
  busy,             // the guest was told to try again
  failed,           // the request fails: only by WithoutCertificates::fail_request
};

enum class AfterRun : std::uint8_t {
  nothing,
  clear_immediate_exit,  // it was set by handle() and has done its work
};

// What the vCPUs of one VM share.
// Lifetime: source and clock must outlive it, it must outlive its vCPUs. Threading: any thread.
class CertificateExit;

// One vCPU's exits. Threading: the vCPU's thread. In a forked child no call touches a lock, the run
// area (which parent and child share) or guest memory.
class VcpuCertificateExit {
 public:
  // Effect: if the run area holds a certificate exit, answers it: takes the lease (waiting no
  // longer than the policy says), writes the table to guest memory within the pages that the guest
  // gave, sets `ret` (and the page count that is needed), and with certificates sets
  // immediate_exit, so that the next run comes back as soon as the firmware has signed. Every field
  // of the run area is read once. Nothing that guest or source do makes it fail: see Served.
  //
  // `max_wait`: the deadline of this call, if it is shorter than the policy's.
  [[nodiscard]] Served handle(abi::kvm::Run& run, GuestMemoryWriter& memory,
                              Clock::Duration max_wait = Clock::Duration::max());

  // After every run of this vCPU, with its result. 0 and -EINTR mean that the request is complete:
  // the lease ends. -EINVAL may come before the completion (bad sync bits): the lease stays until a
  // later return or vcpu_dead(). Any other failure ends it.
  [[nodiscard]] AfterRun after_run(int result) noexcept;

  // The vCPU will not run again.
  void vcpu_dead() noexcept;

  // The vCPU will not run here for now: it is about to be migrated, saved or paused for long, and
  // no update of the host should wait for it. Effect: if a request is under way under a lease,
  // turns its answer in the run area into BUSY, so that nothing is signed after the lease, and ends
  // the lease; the guest asks again, wherever it then is. True if it was so.
  [[nodiscard]] bool drop(abi::kvm::Run& run) noexcept;

  [[nodiscard]] bool lease_held() const noexcept { return holder_->held(); }

  // For logs: why the last handle() could not give certificates; none if it could, if there are
  // none to give, or if the guest only has to offer more pages.
  [[nodiscard]] const std::optional<Error>& last_failure() const noexcept { return failure_; }

 private:
  friend class CertificateExit;
  VcpuCertificateExit(CertificateExit& vm, std::unique_ptr<lease::Holder> holder) noexcept;

  [[nodiscard]] Served serve_table(abi::kvm::Run& run, const ExitFields& exit, ByteView table,
                                   GuestMemoryWriter& memory);
  [[nodiscard]] Served serve_without(abi::kvm::Run& run, const ExitFields& exit,
                                     std::uint64_t pages_wanted, GuestMemoryWriter& memory);

  CertificateExit& vm_;
  std::unique_ptr<lease::Holder> holder_;
  lease::ProcessMark process_;
  bool immediate_exit_armed_ = false;
  ExitFields answered_;  // while a lease is held: the exit that it was taken for
  std::optional<Error> failure_;
};

class CertificateExit {
 public:
  explicit CertificateExit(lease::CertificateSource& source, const Policy& policy = {},
                           Clock& clock = system_clock()) noexcept;

  // Failure: as CertificateSource::open_holder.
  [[nodiscard]] Result<std::unique_ptr<VcpuCertificateExit>> create_vcpu();

 private:
  friend class VcpuCertificateExit;

  // Whether the guest asks too often.
  [[nodiscard]] bool over_rate() noexcept;
  // Whether BUSY may still be answered; notes that it is.
  [[nodiscard]] bool may_answer_busy() noexcept;
  void answered_otherwise() noexcept;

  lease::CertificateSource& source_;
  Policy policy_;
  Clock& clock_;
  RateLimit rate_;
  // Since when this guest hears nothing but BUSY; none if the last answer was another one.
  std::atomic<std::int64_t> busy_since_;
};

// Sets immediate_exit to 0. A signal handler or another thread of the VMM that had set it
// meanwhile, to make the vCPU leave, is overwritten by that: whoever calls this looks at its own
// request flag afterwards.
void clear_immediate_exit(abi::kvm::Run& run) noexcept;

}  // namespace extreq::vmm
