#include "hypervisor/extended_guest_request.hpp"

#include <array>

#include "base/try.hpp"
#include "hypervisor/certificate_exit.hpp"
#include "hypervisor/guest_request.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {
namespace {

using abi::ghcb::Page;
namespace request = abi::ghcb::guest_request;

[[nodiscard]] Result<std::uint8_t> peek_type(VcpuState& vcpu) {
  std::array<std::uint8_t, 1> type{};
  EXTREQ_TRY(vcpu.vm.memory.read(
      vcpu.ghcb->exit_info_1() + offsetof(abi::snp::MessageHeader, msg_type), type));
  return type[0];
}

[[nodiscard]] Outcome complete(VcpuState& vcpu) {
  EXTREQ_TRY_ASSIGN(const CertificateCompletion answer,
                    read_certificate_completion(vcpu.vm.config.exit_abi, vcpu.run));
  if (answer.vmm_error == request::vmm_error_none) return handle_guest_request(vcpu);
  if (answer.vmm_error == request::vmm_error_invalid_len) vcpu.ghcb->set_rbx(answer.npages);
  return answer_vmm_error(vcpu, answer.vmm_error);
}

[[nodiscard]] Outcome ask_user_space(VcpuState& vcpu) {
  fill_certificate_exit(vcpu.vm.config.exit_abi, vcpu.run, vcpu.ghcb->rax(), vcpu.ghcb->rbx());
  vcpu.complete_userspace_io = complete;
  return Next::user_space;
}

}  // namespace

Outcome handle_extended_guest_request(VcpuState& vcpu) {
  Ghcb& ghcb = *vcpu.ghcb;
  const Result<std::uint8_t> msg_type = peek_type(vcpu);
  if (!msg_type) return answer_memory_failure(vcpu, msg_type.error());
  if (*msg_type != static_cast<std::uint8_t>(abi::snp::MessageType::report_req)) {
    return handle_guest_request(vcpu);
  }
  if (!ghcb.was_valid(offsetof(Page, rax)) || !ghcb.was_valid(offsetof(Page, rbx)) ||
      ghcb.rax() % abi::ghcb::page_size != 0) {
    ghcb.answer_malformed(abi::ghcb::malformed::invalid_input);
    return Next::guest;
  }
  if (vcpu.vm.certificate_exits) return ask_user_space(vcpu);
  if (ghcb.rbx() != 0) {
    constexpr std::array<std::uint8_t, abi::ghcb::certificate_table::empty_table_size> empty{};
    if (Status written = vcpu.vm.memory.write(ghcb.rax(), empty); !written) {
      return answer_memory_failure(vcpu, std::move(written).error());
    }
  }
  return handle_guest_request(vcpu);
}

}  // namespace extreq::hypervisor
