#include "hypervisor/msr_protocol.hpp"

#include "abi/ghcb.hpp"
#include "hypervisor/page_state_change.hpp"
#include "hypervisor/termination.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {

namespace msr = abi::ghcb::msr;

std::uint64_t ghcb_msr_at_reset(std::uint8_t c_bit) noexcept {
  return msr::encode_sev_info_response({.max_version = abi::ghcb::protocol_version_max,
                                        .min_version = abi::ghcb::protocol_version_min,
                                        .c_bit = c_bit});
}

Outcome handle_msr_protocol(VcpuState& vcpu) {
  switch (msr::info(vcpu.ghcb_msr)) {
    case msr::info_sev_info_request:
      vcpu.ghcb_msr = ghcb_msr_at_reset(vcpu.vm.config.c_bit);
      return Next::guest;
    case msr::info_preferred_gpa_request:
      vcpu.ghcb_msr = msr::encode_preferred_gpa_response(msr::preferred_gfn_none);
      return Next::guest;
    case msr::info_register_gpa_request: {
      const std::uint64_t gfn = msr::decode_register_gpa_request(vcpu.ghcb_msr);
      vcpu.registered_ghcb = gfn << abi::ghcb::page_shift;
      vcpu.ghcb_msr = msr::encode_register_gpa_response(gfn);
      return Next::guest;
    }
    case msr::info_page_state_change_request:
      return handle_page_state_change_msr(vcpu);
    case msr::info_hypervisor_features_request:
      vcpu.ghcb_msr = msr::encode_hypervisor_features_response(vcpu.vm.config.hypervisor_features);
      return Next::guest;
    case msr::info_termination_request:
      return handle_termination(vcpu);
    default:
      return Next::guest;
  }
}

}  // namespace extreq::hypervisor
