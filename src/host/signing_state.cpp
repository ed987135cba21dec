#include "host/signing_state.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "attestation/extensions.hpp"
#include "attestation/tcb.hpp"
#include "base/try.hpp"

namespace extreq::host {
namespace {

namespace layout = abi::ghcb::certificate_table;

tl::unexpected<Error> command_failed(const firmware::CommandFailure& failure) {
  return tl::unexpected(Error{Code::io, failure.message});
}

const char* key_name(const SigningState& state) { return state.vlek_loaded ? "VLEK" : "VCEK"; }

Status check_chip(const attestation::Extensions& leaf, const SigningState& state) {
  if (!leaf.hwid) {
    return fail(Code::invalid_input, "certificate table: the VCEK names no chip");
  }
  const ByteView chip(state.chip_id);
  const ByteView significant = chip.first(std::min(leaf.hwid->size(), chip.size()));
  if (std::ranges::equal(*leaf.hwid, significant) && all_zero(chip.subspan(significant.size()))) {
    return {};
  }
  return fail(Code::invalid_input, "certificate table: the VCEK is for chip {}, this one is {}",
              to_hex(*leaf.hwid), to_hex(chip));
}

Status check_provider(const attestation::Extensions& leaf, const SigningState& state) {
  if (leaf.csp_id == state.csp_id) return {};
  return fail(Code::invalid_input,
              "certificate table: the VLEK is of provider {}, the loaded one is of {}",
              leaf.csp_id.value_or("nobody"), state.csp_id);
}

std::string signing_key(const SigningState& state) {
  if (state.mask_chip_key) return "no signing key";
  if (!state.vlek_loaded) return "VCEK";
  return "VLEK of " + (state.csp_id.empty() ? "an unknown provider" : "provider " + state.csp_id);
}

}  // namespace

SigningState without_vlek(SigningState state) {
  state.vlek_loaded = false;
  state.csp_id.clear();
  return state;
}

Status check_vlek_provider(const SigningState& state) {
  if (!state.vlek_loaded || !state.csp_id.empty()) return {};
  return fail(Code::unsupported,
              "a VLEK is loaded, and the firmware does not report whose: name the provider "
              "(--csp-id), as the CSP_ID of its VLEK certificates has it");
}

Result<PlatformState> read_platform_state(firmware::Platform& platform) {
  PlatformState state;
  const auto cpu = platform.cpu();
  EXTREQ_TRY_ASSIGN(state.signing.product, attestation::product_from_cpuid(cpu.family, cpu.model));
  const auto chip_id = platform.get_id();
  if (!chip_id) return command_failed(chip_id.error());
  const auto status = platform.platform_status();
  if (!status) return command_failed(status.error());
  namespace flags = abi::snp::platform_status_flags;
  state.signing.chip_id = *chip_id;
  state.signing.reported_tcb = status->reported_tcb;
  state.signing.vlek_loaded = (status->flags & flags::vlek_en) != 0;
  if (state.signing.vlek_loaded) state.signing.csp_id = platform.vlek_provider();
  state.signing.mask_chip_key = (status->flags & flags::mask_chip_key) != 0;
  state.current_tcb = status->current_tcb;
  state.mask_chip_id = (status->flags & flags::mask_chip_id) != 0;
  return state;
}

Result<SigningState> read_signing_state(firmware::Platform& platform) {
  EXTREQ_TRY_ASSIGN(const PlatformState state, read_platform_state(platform));
  return state.signing;
}

std::string to_text(const SigningState& state) {
  const auto tcb =
      attestation::decode_tcb(state.reported_tcb, attestation::layout_of(state.product));
  return fmt::format("{}, reported TCB {}, {}", attestation::kds_name(state.product),
                     attestation::to_text(tcb), signing_key(state));
}

Status check_fits(ByteView table, const SigningState& state) {
  if (state.mask_chip_key) {
    return fail(Code::invalid_input,
                "certificate table: the chip's keys are masked, no certificate fits a report");
  }
  EXTREQ_TRY(check_vlek_provider(state));
  EXTREQ_TRY_ASSIGN(const auto parsed, attestation::CertificateTable::parse(table));
  const auto der = parsed.find(state.vlek_loaded ? layout::guid_vlek : layout::guid_vcek);
  if (!der) return fail(Code::invalid_input, "certificate table: it has no {}", key_name(state));
  EXTREQ_TRY_ASSIGN(const auto leaf, crypto::Certificate::from_der(*der));
  EXTREQ_TRY_ASSIGN(const auto extensions, attestation::read_extensions(leaf));
  if (extensions.product != state.product) {
    return fail(Code::invalid_input, "certificate table: the {} is for {}, this machine is {}",
                key_name(state), attestation::kds_name(extensions.product),
                attestation::kds_name(state.product));
  }
  const auto wanted =
      attestation::decode_tcb(state.reported_tcb, attestation::layout_of(state.product));
  if (extensions.tcb != wanted) {
    return fail(Code::invalid_input, "certificate table: the {} is for {}, reports are for {}",
                key_name(state), attestation::to_text(extensions.tcb),
                attestation::to_text(wanted));
  }
  return state.vlek_loaded ? check_provider(extensions, state) : check_chip(extensions, state);
}

}  // namespace extreq::host
