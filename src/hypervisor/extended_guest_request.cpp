#include "hypervisor/extended_guest_request.hpp"

#include <array>

#include "base/try.hpp"
#include "hypervisor/certificate_exit.hpp"
#include "hypervisor/guest_request.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {
namespace {

namespace offset = abi::ghcb::offset;
namespace request = abi::ghcb::guest_request;
using abi::snp::MessageHeader;

[[nodiscard]] Result<std::uint8_t> peek(VcpuState& vcpu, std::size_t header_offset) {
  std::array<std::uint8_t, 1> byte{};
  EXTREQ_TRY(vcpu.vm.memory.read(vcpu.ghcb->exit_info_1() + header_offset, byte));
  return byte[0];
}

[[nodiscard]] Outcome complete(VcpuState& vcpu) {
  EXTREQ_TRY_ASSIGN(const CertificateAnswer answer,
                    read_certificate_answer(vcpu.vm.config.exit_abi, vcpu.run));
  if (answer.vmm_error == request::vmm_error_none) return issue_admitted_guest_request(vcpu);
  if (answer.vmm_error == request::vmm_error_invalid_len) vcpu.ghcb->set_rbx(answer.npages);
  if (vcpu.vm.rate_limit) {
    if (answer.vmm_error == request::vmm_error_busy) {
      vcpu.vm.rate_limit->answered_busy(vcpu.certificate_channel);
    } else {
      vcpu.vm.rate_limit->answered(vcpu.certificate_channel);
    }
  }
  return answer_vmm_error(vcpu, answer.vmm_error);
}

// Asks user space, if the rate limit lets the request through.
[[nodiscard]] Outcome ask_user_space(VcpuState& vcpu) {
  if (vcpu.vm.rate_limit) {
    const Result<std::uint8_t> channel = peek(vcpu, offsetof(MessageHeader, msg_vmpck));
    if (!channel) return answer_memory_failure(vcpu, channel.error());
    if (!vcpu.vm.rate_limit->admit(*channel)) {
      return answer_vmm_error(vcpu, request::vmm_error_busy);
    }
    vcpu.certificate_channel = *channel;
  }
  fill_certificate_exit(vcpu.vm.config.exit_abi, vcpu.run, vcpu.ghcb->rax(), vcpu.ghcb->rbx());
  vcpu.complete_userspace_io = complete;
  return Next::user_space;
}

}  // namespace

Outcome handle_extended_guest_request(VcpuState& vcpu) {
  Ghcb& ghcb = *vcpu.ghcb;
  const Result<std::uint8_t> msg_type = peek(vcpu, offsetof(MessageHeader, msg_type));
  if (!msg_type) return answer_memory_failure(vcpu, msg_type.error());
  if (*msg_type != static_cast<std::uint8_t>(abi::snp::MessageType::report_req)) {
    return handle_guest_request(vcpu);
  }
  if (!ghcb.was_valid(offset::rax) || !ghcb.was_valid(offset::rbx) ||
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
