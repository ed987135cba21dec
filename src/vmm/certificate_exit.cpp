#include "vmm/certificate_exit.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

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

}  // namespace

CertificateExit::CertificateExit(lease::CertificateSource& source, const Policy& policy,
                                 Clock& clock) noexcept
    : source_(source),
      policy_(policy),
      clock_(clock),
      rate_(policy.rate_interval, policy.rate_burst),
      busy_since_(never) {}

Result<std::unique_ptr<VcpuCertificateExit>> CertificateExit::create_vcpu() {
  EXTREQ_TRY_ASSIGN(auto holder, source_.open_holder());
  return std::unique_ptr<VcpuCertificateExit>(new VcpuCertificateExit(*this, std::move(holder)));
}

bool CertificateExit::over_rate() noexcept {
  return policy_.rate_interval.count() > 0 && !rate_.admit(clock_.now());
}

bool CertificateExit::may_answer_busy() noexcept {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t since = never;
  if (busy_since_.compare_exchange_strong(since, now)) return true;
  return now - since < policy_.busy_limit.count();
}

void CertificateExit::answered_otherwise() noexcept { busy_since_.store(never); }

VcpuCertificateExit::VcpuCertificateExit(CertificateExit& vm,
                                         std::unique_ptr<lease::Holder> holder) noexcept
    : vm_(vm), holder_(std::move(holder)) {}

Served VcpuCertificateExit::handle(abi::kvm::Run& run, GuestMemoryWriter& memory,
                                   Clock::Duration max_wait) {
  if (!process_.here()) return Served::not_ours;
  const auto exit = read_certificate_exit(run);
  if (!exit) return Served::not_ours;

  // A VMM that served an exit and never ran the vCPU again comes back with the lease still held.
  holder_->release();
  failure_.reset();
  if (vm_.over_rate() && vm_.may_answer_busy()) {
    answer_certificate_exit(run, *exit, ExitAnswer::busy);
    return Served::busy;
  }
  const auto table = holder_->acquire(std::min(max_wait, vm_.policy_.max_wait));
  if (!table) {
    failure_ = table.error();
    if (failure_->code == Code::busy && vm_.may_answer_busy()) {
      answer_certificate_exit(run, *exit, ExitAnswer::busy);
      return Served::busy;
    }
  }
  vm_.answered_otherwise();
  if (table && !lease::is_empty_table(*table)) return serve_table(run, *exit, *table, memory);
  return serve_without(run, *exit, 1, memory);
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
  set_immediate_exit(run, true);
  immediate_exit_armed_ = true;
  answered_ = exit;
  answer_certificate_exit(run, exit, ExitAnswer::ok);
  return Served::certificates;
}

// The report then needs no certificate to fit, so no lease either.
Served VcpuCertificateExit::serve_without(abi::kvm::Run& run, const ExitFields& exit,
                                          std::uint64_t pages_wanted, GuestMemoryWriter& memory) {
  holder_->release();
  if (vm_.policy_.without_certificates == WithoutCertificates::fail_request) {
    answer_certificate_exit(run, exit, ExitAnswer::failed);
    return Served::failed;
  }
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

AfterRun VcpuCertificateExit::after_run(int result) noexcept {
  if (!process_.here()) return AfterRun::nothing;
  if (result != -EINVAL) holder_->release();
  if (result == -EINVAL || !immediate_exit_armed_) return AfterRun::nothing;
  immediate_exit_armed_ = false;
  return AfterRun::clear_immediate_exit;
}

void VcpuCertificateExit::vcpu_dead() noexcept { holder_->release(); }

bool VcpuCertificateExit::drop(abi::kvm::Run& run) noexcept {
  if (!process_.here() || !holder_->held()) return false;
  answer_certificate_exit(run, answered_, ExitAnswer::busy);
  holder_->release();
  return true;
}

void clear_immediate_exit(abi::kvm::Run& run) noexcept { set_immediate_exit(run, false); }

}  // namespace extreq::vmm
