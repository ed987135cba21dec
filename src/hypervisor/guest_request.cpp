#include "hypervisor/guest_request.hpp"

#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {
namespace {

namespace request = abi::ghcb::guest_request;

}  // namespace

Outcome handle_guest_request(VcpuState& vcpu) {
  VmState& vm = vcpu.vm;
  const std::uint64_t request_gpa = vcpu.ghcb->exit_info_1();
  const std::uint64_t response_gpa = vcpu.ghcb->exit_info_2();

  const std::lock_guard lock(vm.guest_request_mutex);
  if (Status read = vm.memory.read(request_gpa, vm.request_page); !read) {
    return answer_memory_failure(vcpu, std::move(read).error());
  }
  // Before the firmware runs, so that its counter does not advance for an answer that gets lost.
  if (Status usable = vm.memory.check(response_gpa, vm.response_page.size()); !usable) {
    return answer_memory_failure(vcpu, std::move(usable).error());
  }

  vm.response_page.fill(0);
  const Result<abi::snp::CommandStatus> status =
      vm.requests.guest_request(vm.guest, vm.request_page, vm.response_page);
  if (!status) {
    return fail(Code::io, "guest request: the firmware did not answer: {}", status.error().message);
  }
  if (Status written = vm.memory.write(response_gpa, vm.response_page); !written) {
    return answer_memory_failure(vcpu, std::move(written).error());
  }
  vcpu.ghcb->answer_no_action(
      request::encode_exitinfo2(request::vmm_error_none, static_cast<std::uint32_t>(*status)));
  return Next::guest;
}

Outcome answer_vmm_error(VcpuState& vcpu, std::uint32_t vmm_error) {
  vcpu.ghcb->answer_no_action(request::encode_exitinfo2(vmm_error, 0));
  return Next::guest;
}

Outcome answer_memory_failure(VcpuState& vcpu, Error error) {
  if (error.code == Code::invalid_input) {
    vcpu.ghcb->answer_malformed(abi::ghcb::malformed::invalid_input);
    return Next::guest;
  }
  return fail(Code::io, "guest request: {}", error.message);
}

}  // namespace extreq::hypervisor
