#include "hypervisor/certificate_exit.hpp"

#include <array>
#include <optional>

#include "abi/ghcb.hpp"
#include "hypervisor/run_area.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;
namespace request = abi::ghcb::guest_request;

// The three fields that both forms have, wherever they lie.
struct Fields {
  std::uint64_t& gpa;
  std::uint64_t& npages;
  std::uint64_t& ret;
};

[[nodiscard]] Fields fields_of(ExitAbi exit_abi, kvm::Run& run) noexcept {
  if (exit_abi == ExitAbi::review) {
    abi::vmgexit::ReqCerts& exit = run.exit.vmgexit.req_certs;
    return {exit.data_gpa, exit.data_npages, exit.ret};
  }
  kvm::ExitSnpReqCerts& exit = run.exit.snp_req_certs;
  return {exit.gpa, exit.npages, exit.ret};
}

// The merged form names the answers by errno values, the review's form by the GHCB's own.
[[nodiscard]] std::optional<std::uint32_t> vmm_error_of(ExitAbi exit_abi,
                                                        std::uint64_t ret) noexcept {
  struct Row {
    std::uint64_t merged;
    std::uint32_t vmm_error;
  };
  static constexpr std::array rows{
      Row{kvm::req_certs_ok, request::vmm_error_none},
      Row{kvm::req_certs_too_small, request::vmm_error_invalid_len},
      Row{kvm::req_certs_busy, request::vmm_error_busy},
      Row{kvm::req_certs_failed, kvm::snp_guest_vmm_err_generic},
  };
  for (const Row& row : rows) {
    if (ret == (exit_abi == ExitAbi::review ? row.vmm_error : row.merged)) return row.vmm_error;
  }
  return std::nullopt;
}

}  // namespace

void fill_certificate_exit(ExitAbi exit_abi, kvm::Run& run, std::uint64_t gpa,
                           std::uint64_t npages) noexcept {
  if (exit_abi == ExitAbi::review) {
    store_once(run.exit_reason, abi::vmgexit::exit_vmgexit);
    store_once(run.exit.vmgexit.exit_code, abi::ghcb::event::extended_guest_request);
  } else {
    store_once(run.exit_reason, kvm::exit_snp_req_certs);
  }
  const Fields fields = fields_of(exit_abi, run);
  store_once(fields.gpa, gpa);
  store_once(fields.npages, npages);
  store_once(fields.ret, 0);
}

Result<CertificateCompletion> read_certificate_completion(ExitAbi exit_abi, kvm::Run& run) {
  const Fields fields = fields_of(exit_abi, run);
  const std::uint64_t ret = load_once(fields.ret);
  const std::optional<std::uint32_t> vmm_error = vmm_error_of(exit_abi, ret);
  if (!vmm_error) {
    return fail(Code::invalid_input, "certificate exit: ret is {:#x}, which is no answer", ret);
  }
  CertificateCompletion answer{.vmm_error = *vmm_error};
  if (answer.vmm_error == request::vmm_error_invalid_len) answer.npages = load_once(fields.npages);
  return answer;
}

}  // namespace extreq::hypervisor
