#include "vmm/certificate_exit.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <limits>
#include <utility>

#include "abi/ghcb.hpp"
#include "base/try.hpp"
#include "lease/table_shape.hpp"
#include "vmm/exit_fields.hpp"

namespace extreq::vmm {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();
constexpr std::array<std::uint8_t, lease::empty_table_size> empty_table{};

std::uint64_t pages_for(std::size_t size) noexcept {
  return size / abi::ghcb::page_size + (size % abi::ghcb::page_size == 0 ? 0 : 1);
}

// The guest chose the address. A range that wraps around is refused here, once for all VMMs.
Status write_to_guest(GuestMemoryWriter& memory, std::uint64_t gpa, ByteView bytes) {
  if (bytes.size() > std::numeric_limits<std::uint64_t>::max() - gpa) {
    return fail(Code::invalid_input, "certificate pages: {} bytes from {:#x} on wrap around",
                bytes.size(), gpa);
  }
  return memory.write(gpa, bytes);
}

// One KVM_RUN that completes an exit under a lease. Its end, however it comes, leaves nothing
// behind that could be signed later: first the answer of an exit that is still pending is turned
// into BUSY, then the lease ends.
class CompletingRun {
 public:
  CompletingRun(abi::kvm::Run& run, const ExitFields& exit, lease::Holder& holder) noexcept
      : run_(run), exit_(exit), holder_(holder), armed_(arm_immediate_exit(run)) {}
  ~CompletingRun() {
    withdraw_answer(run_, exit_);
    if (armed_) disarm_immediate_exit(run_);
    holder_.release();
  }
  CompletingRun(const CompletingRun&) = delete;
  CompletingRun& operator=(const CompletingRun&) = delete;
  CompletingRun(CompletingRun&&) = delete;
  CompletingRun& operator=(CompletingRun&&) = delete;

 private:
  abi::kvm::Run& run_;
  const ExitFields exit_;
  lease::Holder& holder_;
  const bool armed_;
};

}  // namespace

CertificateExit::CertificateExit(lease::CertificateSource& source, const Policy& policy,
                                 Clock& clock) noexcept
    : source_(source), policy_(policy), clock_(clock), busy_since_(never) {}

Result<std::unique_ptr<VcpuCertificateExit>> CertificateExit::create_vcpu(RunVcpu run) {
  EXTREQ_TRY_ASSIGN(auto holder, source_.open_holder());
  return std::unique_ptr<VcpuCertificateExit>(
      new VcpuCertificateExit(*this, std::move(holder), std::move(run)));
}

bool CertificateExit::may_answer_busy() noexcept {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t since = never;
  if (busy_since_.compare_exchange_strong(since, now)) return true;
  return now - since < policy_.busy_limit.count();
}

void CertificateExit::answered_otherwise() noexcept { busy_since_.store(never); }

VcpuCertificateExit::VcpuCertificateExit(CertificateExit& vm, std::unique_ptr<lease::Holder> holder,
                                         RunVcpu run)
    : vm_(vm), holder_(std::move(holder)), run_vcpu_(std::move(run)) {}

int VcpuCertificateExit::handle(abi::kvm::Run& run, GuestMemoryWriter& memory,
                                Clock::Duration max_wait) {
  if (!process_.here()) return 0;
  answer_ = Served::not_ours;
  failure_.reset();
  const auto exit = read_certificate_exit(run, vm_.policy_.reviewed_exit);
  if (!exit) return 0;
  const CompletingRun completing(run, *exit, *holder_);
  try {
    answer_ = answer_exit(run, *exit, memory, max_wait);
  } catch (const std::exception&) {
    // No memory for words about what went wrong, nor for an answer by the rules. Nothing is known
    // of the guest's pages, so there must be no report beside them: as in serve_without().
    holder_->release();
    failure_ = Error{Code::io, "no memory"};  // short enough not to need any
    answer_certificate_exit(run, *exit, ExitAnswer::too_small, 1);
    answer_ = Served::too_small;
  }
  const int result = run_vcpu_();
  // Another exit of this kind can only be there if somebody cleared immediate_exit, or the same one
  // if that was no KVM_RUN. It is answered BUSY, and completed by the caller's next run.
  return result == 0 && read_certificate_exit(run, vm_.policy_.reviewed_exit) ? -EINTR : result;
}

Served VcpuCertificateExit::answer_exit(abi::kvm::Run& run, const ExitFields& exit,
                                        GuestMemoryWriter& memory, Clock::Duration max_wait) {
  const auto table = holder_->acquire(std::min(max_wait, vm_.policy_.max_wait));
  if (!table) {
    failure_ = table.error();
    if (failure_->code == Code::busy && vm_.may_answer_busy()) {
      answer_certificate_exit(run, exit, ExitAnswer::busy);
      return Served::busy;
    }
  }
  vm_.answered_otherwise();
  if (table && !lease::is_empty_table(*table)) return serve_table(run, exit, *table, memory);
  return serve_without(run, exit, 1, memory);
}

Served VcpuCertificateExit::serve_table(abi::kvm::Run& run, const ExitFields& exit, ByteView table,
                                        GuestMemoryWriter& memory) {
  const std::uint64_t needed = pages_for(table.size());
  if (needed > exit.npages) {
    holder_->release();
    answer_certificate_exit(run, exit, ExitAnswer::too_small, needed);
    return Served::too_small;
  }
  if (auto written = write_to_guest(memory, exit.gpa, table); !written) {
    failure_ = std::move(written).error();
    return serve_without(run, exit, needed, memory);
  }
  answer_certificate_exit(run, exit, ExitAnswer::ok);
  return Served::certificates;
}

// The report then needs no certificate to fit, so no lease either.
Served VcpuCertificateExit::serve_without(abi::kvm::Run& run, const ExitFields& exit,
                                          std::uint64_t pages_wanted, GuestMemoryWriter& memory) {
  holder_->release();
  if (exit.npages != 0) {
    if (auto written = write_to_guest(memory, exit.gpa, empty_table); !written) {
      // What is in these pages is not ours: perhaps the table of an earlier request. With a report
      // beside it the guest would take it for the report's, so there must be none. "Too small" is
      // the one such answer after which Linux guests keep their key.
      failure_ = std::move(written).error();
      answer_certificate_exit(run, exit, ExitAnswer::too_small, pages_wanted);
      return Served::too_small;
    }
  }
  answer_certificate_exit(run, exit, ExitAnswer::ok);
  return Served::no_certificates;
}

}  // namespace extreq::vmm
