#include "host/certificate_key.hpp"

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "base/try.hpp"

namespace extreq::host {

std::string_view to_text(KeyKind kind) noexcept { return kind == KeyKind::vlek ? "VLEK" : "VCEK"; }

std::size_t chip_id_size(attestation::Product product) noexcept {
  return attestation::layout_of(product) == attestation::TcbLayout::turin ? 8 : 64;
}

attestation::SigningKey signing_key(KeyKind kind) noexcept {
  return kind == KeyKind::vlek ? attestation::SigningKey::vlek : attestation::SigningKey::vcek;
}

Result<CertificateKey> key_for(const SigningState& state) {
  if (state.mask_chip_key) {
    return fail(Code::not_found, "the chip's keys are masked: no certificate fits its reports");
  }
  const auto layout = attestation::layout_of(state.product);
  if (!attestation::reserved_bits_zero(state.reported_tcb, layout)) {
    return fail(Code::invalid_input,
                "reported TCB {:#018x}: a byte is set that is reserved in {}'s layout",
                state.reported_tcb, attestation::kds_name(state.product));
  }
  CertificateKey key{state.product,
                     state.vlek_loaded ? KeyKind::vlek : KeyKind::vcek,
                     {},
                     attestation::decode_tcb(state.reported_tcb, layout)};
  if (key.kind == KeyKind::vlek) {
    key.holder = to_bytes(state.csp_id);
    return key;
  }
  const ByteView chip(state.chip_id);
  const std::size_t size = chip_id_size(state.product);
  if (!all_zero(chip.subspan(size))) {
    return fail(Code::invalid_input, "chip id {}: {}'s have {} bytes and zeros behind them",
                to_hex(chip), attestation::kds_name(state.product), size);
  }
  key.holder.assign(chip.begin(), chip.begin() + static_cast<std::ptrdiff_t>(size));
  return key;
}

Result<CertificateKey> key_of(const crypto::Certificate& leaf) {
  const auto subject = attestation::subject_of(leaf);
  const bool vcek = subject && subject->role == attestation::Role::vcek;
  if (!vcek && !(subject && subject->role == attestation::Role::vlek)) {
    return fail(Code::invalid_input, "\"{}\" is neither a VCEK nor a VLEK",
                attestation::display_name(leaf));
  }
  EXTREQ_TRY_ASSIGN(const auto extensions, attestation::read_extensions(leaf));
  CertificateKey key{extensions.product, vcek ? KeyKind::vcek : KeyKind::vlek, {}, extensions.tcb};
  if (vcek) {
    if (!extensions.hwid) return fail(Code::invalid_input, "the VCEK names no chip");
    key.holder = *extensions.hwid;
  } else {
    if (!extensions.csp_id) return fail(Code::invalid_input, "the VLEK names no provider");
    key.holder = to_bytes(*extensions.csp_id);
  }
  return key;
}

std::string to_text(const CertificateKey& key) {
  std::string holder;
  if (key.kind == KeyKind::vcek) {
    holder = " of chip " + to_hex(key.holder);
  } else if (!key.holder.empty()) {
    holder = fmt::format(" of provider {}", std::string(key.holder.begin(), key.holder.end()));
  }
  return fmt::format("{} {}{} for {}", attestation::kds_name(key.product), to_text(key.kind),
                     holder, attestation::to_text(key.tcb));
}

}  // namespace extreq::host
