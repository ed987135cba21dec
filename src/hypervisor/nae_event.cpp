#include "hypervisor/nae_event.hpp"

#include <optional>

#include "abi/ghcb.hpp"
#include "hypervisor/extended_guest_request.hpp"
#include "hypervisor/guest_request.hpp"
#include "hypervisor/page_state_change.hpp"
#include "hypervisor/termination.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {
namespace {

namespace event = abi::ghcb::event;
namespace malformed = abi::ghcb::malformed;
using abi::ghcb::Page;

[[nodiscard]] bool is_page_aligned(std::uint64_t gpa) noexcept {
  return gpa % abi::ghcb::page_size == 0;
}

// The inputs that an event must have marked valid; nullopt for an event that is not known.
[[nodiscard]] std::optional<bool> has_inputs(const Ghcb& ghcb) noexcept {
  switch (ghcb.exit_code()) {
    case event::page_state_change:
      return ghcb.was_valid(offsetof(Page, sw_scratch));
    case event::guest_request:
    case event::extended_guest_request:
      return is_page_aligned(ghcb.exit_info_1()) && is_page_aligned(ghcb.exit_info_2()) &&
             ghcb.exit_info_1() != ghcb.exit_info_2();
    case event::ap_creation:
      return static_cast<std::uint32_t>(ghcb.exit_info_1()) == abi::ghcb::ap_creation::destroy ||
             ghcb.was_valid(offsetof(Page, rax));
    case event::hypervisor_features:
    case event::termination_request:
    case event::unsupported_event:
      return true;
    default:
      return std::nullopt;
  }
}

// Why the event is malformed, if it is.
[[nodiscard]] std::optional<std::uint64_t> find_fault(const Ghcb& ghcb) noexcept {
  if (ghcb.usage() != abi::ghcb::usage_standard) return malformed::invalid_usage;
  if (!ghcb.was_valid(offsetof(Page, sw_exitcode)) ||
      !ghcb.was_valid(offsetof(Page, sw_exitinfo1)) ||
      !ghcb.was_valid(offsetof(Page, sw_exitinfo2))) {
    return malformed::missing_input;
  }
  const std::optional<bool> inputs = has_inputs(ghcb);
  if (!inputs) return malformed::invalid_event;
  if (!*inputs) return malformed::missing_input;
  return std::nullopt;
}

}  // namespace

Outcome handle_nae_event(VcpuState& vcpu) {
  const std::uint64_t gpa = abi::ghcb::msr::decode_ghcb_gpa(vcpu.ghcb_msr);
  if (gpa == 0) return Next::guest;  // there is no page to answer in
  vcpu.ghcb = Ghcb::open(vcpu.vm.memory, gpa);
  if (!vcpu.ghcb) return Next::guest;  // likewise
  Ghcb& ghcb = *vcpu.ghcb;
  if (vcpu.registered_ghcb != gpa) {
    return fail(Code::invalid_input, "VMGEXIT: the GHCB at {:#x} is not registered", gpa);
  }
  if (const auto reason = find_fault(ghcb)) {
    ghcb.answer_malformed(*reason);
    return Next::guest;
  }

  ghcb.answer_no_action(0);
  switch (ghcb.exit_code()) {
    case event::page_state_change:
      return handle_page_state_change(vcpu);
    case event::guest_request:
      return handle_guest_request(vcpu);
    case event::extended_guest_request:
      return handle_extended_guest_request(vcpu);
    case event::ap_creation:
      // The guest has the vCPUs it was started with; KVM's answer to a request that it cannot meet.
      ghcb.answer_malformed(malformed::invalid_input);
      return Next::guest;
    case event::hypervisor_features:
      ghcb.answer_no_action(vcpu.vm.config.hypervisor_features);
      return Next::guest;
    case event::termination_request:
      return handle_termination(vcpu);
    default:  // event::unsupported_event
      return fail(Code::invalid_input,
                  "VMGEXIT: the guest met an event that it does not support: {:#x}, {:#x}",
                  ghcb.exit_info_1(), ghcb.exit_info_2());
  }
}

}  // namespace extreq::hypervisor
