#include "vmm/exit_fields.hpp"

#include <atomic>

#include "abi/ghcb.hpp"
#include "abi/vmgexit.hpp"

namespace extreq::vmm {
namespace {

namespace kvm = abi::kvm;
namespace request = abi::ghcb::guest_request;

template <class Integer>
Integer load(Integer& field) noexcept {
  return std::atomic_ref<Integer>(field).load(std::memory_order_relaxed);
}

template <class Integer>
void store(Integer& field, Integer value) noexcept {
  std::atomic_ref<Integer>(field).store(value, std::memory_order_relaxed);
}

std::uint64_t ret_of(ExitAnswer answer, bool review) noexcept {
  switch (answer) {
    case ExitAnswer::ok:
      return review ? request::vmm_error_none : kvm::req_certs_ok;
    case ExitAnswer::too_small:
      return review ? request::vmm_error_invalid_len : kvm::req_certs_too_small;
    case ExitAnswer::busy:
      break;
  }
  return review ? request::vmm_error_busy : kvm::req_certs_busy;
}

constexpr std::uint8_t immediate_exit_is_ours = 2;

bool replace_immediate_exit(kvm::Run& run, std::uint8_t from, std::uint8_t to) noexcept {
  return std::atomic_ref(run.immediate_exit).compare_exchange_strong(from, to);
}

}  // namespace

std::optional<ExitFields> read_certificate_exit(kvm::Run& run, bool reviewed) noexcept {
  const std::uint32_t reason = load(run.exit_reason);
  if (reason == kvm::exit_snp_req_certs) {
    kvm::ExitSnpReqCerts& exit = run.exit.snp_req_certs;
    return ExitFields{.review = false, .gpa = load(exit.gpa), .npages = load(exit.npages)};
  }
  abi::vmgexit::Vmgexit& vmgexit = run.exit.vmgexit;
  if (reviewed && reason == abi::vmgexit::exit_vmgexit &&
      load(vmgexit.exit_code) == abi::ghcb::event::extended_guest_request) {
    abi::vmgexit::ReqCerts& exit = vmgexit.req_certs;
    return ExitFields{.review = true, .gpa = load(exit.data_gpa), .npages = load(exit.data_npages)};
  }
  return std::nullopt;
}

void answer_certificate_exit(kvm::Run& run, const ExitFields& exit, ExitAnswer answer,
                             std::uint64_t pages_needed) noexcept {
  const std::uint64_t ret = ret_of(answer, exit.review);
  if (exit.review) {
    abi::vmgexit::ReqCerts& fields = run.exit.vmgexit.req_certs;
    if (answer == ExitAnswer::too_small) store(fields.data_npages, pages_needed);
    store(fields.ret, ret);
    return;
  }
  kvm::ExitSnpReqCerts& fields = run.exit.snp_req_certs;
  if (answer == ExitAnswer::too_small) store(fields.npages, pages_needed);
  store(fields.ret, ret);
}

void withdraw_answer(kvm::Run& run, const ExitFields& exit) noexcept {
  const std::uint32_t reason = load(run.exit_reason);
  const std::uint32_t ours = exit.review ? abi::vmgexit::exit_vmgexit : kvm::exit_snp_req_certs;
  // A signal may be reported before the completion, and has no fields of its own in the union.
  if (reason == ours || reason == kvm::exit_intr) {
    answer_certificate_exit(run, exit, ExitAnswer::busy);
  }
}

bool arm_immediate_exit(kvm::Run& run) noexcept {
  return replace_immediate_exit(run, 0, immediate_exit_is_ours);
}

void disarm_immediate_exit(kvm::Run& run) noexcept {
  static_cast<void>(replace_immediate_exit(run, immediate_exit_is_ours, 0));
}

}  // namespace extreq::vmm
