#include "host/update_plan.hpp"

#include <utility>

#include "host/guarded_command.hpp"

namespace extreq::host {
namespace {

namespace snp = abi::snp;

using Change = UpdateTransaction::Change;

Status status_of(const firmware::CommandResult<void>& done) {
  if (done) return {};
  return fail(Code::io, "{}", done.error().message);
}

// What SNP_COMMIT and SNP_CONFIG make of the signing key.
SigningState with_reported_tcb(SigningState state, std::uint64_t tcb) {
  if (state.reported_tcb != tcb) state = without_vlek(std::move(state));
  state.reported_tcb = tcb;
  return state;
}

Result<Change> change_config(firmware::Platform& platform, const ConfigChange& wanted,
                             const PlatformState& before) {
  const SigningState& now = before.signing;
  snp::Config config;
  config.reported_tcb = now.reported_tcb;
  if (wanted.reported_tcb) {
    if (attestation::layout_of(*wanted.reported_tcb) != attestation::layout_of(now.product)) {
      return fail(Code::invalid_input, "TCB {} is not in {}'s layout",
                  attestation::to_text(*wanted.reported_tcb), attestation::kds_name(now.product));
    }
    config.reported_tcb = attestation::encode_tcb(*wanted.reported_tcb);
  }
  const bool mask_chip_key = wanted.mask_chip_key.value_or(now.mask_chip_key);
  std::uint32_t flags = 0;
  if (wanted.mask_chip_id.value_or(before.mask_chip_id)) flags |= snp::config_flags::mask_chip_id;
  if (mask_chip_key) flags |= snp::config_flags::mask_chip_key;
  config.flags = flags;
  SigningState leads_to = with_reported_tcb(now, config.reported_tcb);
  leads_to.mask_chip_key = mask_chip_key;
  return Change{leads_to,
                [&platform, config](int) { return status_of(platform.set_config(config)); }};
}

Result<Change> load_vlek(firmware::Platform& platform, const snp::WrappedVlek& vlek,
                         const std::string& csp_id, const PlatformState& before) {
  if (csp_id.empty()) {
    return fail(Code::invalid_input,
                "VLEK load: whose VLEK it is is not known, and the firmware does not report it. "
                "Name the provider (--csp-id), as the CSP_ID of its VLEK certificates has it");
  }
  const SigningState& now = before.signing;
  if (vlek.tcb_version != now.reported_tcb) {
    const auto layout = attestation::layout_of(now.product);
    return fail(Code::invalid_input, "the VLEK hashstick is for {}, the reported TCB is {}",
                attestation::to_text(attestation::decode_tcb(vlek.tcb_version, layout)),
                attestation::to_text(attestation::decode_tcb(now.reported_tcb, layout)));
  }
  SigningState leads_to = now;
  leads_to.vlek_loaded = true;
  leads_to.csp_id = csp_id;
  return Change{leads_to, [&platform, vlek, csp_id](int) {
                  auto done = status_of(platform.vlek_load(vlek));
                  if (done) platform.set_vlek_provider(csp_id);
                  return done;
                }};
}

}  // namespace

UpdateTransaction::Plan plan_commit(firmware::Platform& platform) {
  return [&platform](const PlatformState& before) -> Result<Change> {
    return Change{with_reported_tcb(before.signing, before.current_tcb),
                  [&platform](int) { return status_of(platform.commit()); }};
  };
}

UpdateTransaction::Plan plan_config(firmware::Platform& platform, const ConfigChange& change) {
  return [&platform, change](const PlatformState& before) {
    return change_config(platform, change, before);
  };
}

UpdateTransaction::Plan plan_vlek_load(firmware::Platform& platform, const snp::WrappedVlek& vlek,
                                       const std::string& csp_id) {
  platform.set_vlek_provider({});
  return [&platform, vlek, csp_id](const PlatformState& before) {
    return load_vlek(platform, vlek, csp_id, before);
  };
}

UpdateTransaction::Plan plan_program(std::vector<std::string> arguments,
                                     const std::optional<attestation::Tcb>& to_tcb,
                                     EndingSignals& signals) {
  return [arguments = std::move(arguments), to_tcb,
          &signals](const PlatformState& before) -> Result<Change> {
    const SigningState& now = before.signing;
    return Change{to_tcb ? with_reported_tcb(now, attestation::encode_tcb(*to_tcb)) : now,
                  [arguments, &signals](int lock_descriptor) {
                    return run_guarded_command(arguments, lock_descriptor, signals);
                  }};
  };
}

}  // namespace extreq::host
