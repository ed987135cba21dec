// CertificateKey: what names one VCEK or VLEK among all of them: product, kind, whose it is, and
// every component of its TCB. The store, the key service's paths and its client share it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attestation/extensions.hpp"
#include "attestation/report.hpp"
#include "attestation/tcb.hpp"
#include "host/signing_state.hpp"

namespace extreq::host {

enum class KeyKind : std::uint8_t { vcek, vlek };

// "VCEK", "VLEK"
[[nodiscard]] std::string_view to_text(KeyKind kind) noexcept;

// As a report's SIGNING_KEY says it.
[[nodiscard]] attestation::SigningKey signing_key(KeyKind kind) noexcept;

struct CertificateKey {
  attestation::Product product{};
  KeyKind kind = KeyKind::vcek;
  // VCEK: the chip's id: 64 bytes, from Turin on 8. VLEK: the provider's CSP id; empty where the
  // provider is not known (the firmware does not tell whose VLEK is loaded).
  Bytes holder;
  attestation::Tcb tcb;

  friend bool operator==(const CertificateKey&, const CertificateKey&) = default;
};

// Bytes of a chip id that count: 64, from Turin on 8 (document 57230, "hwID").
[[nodiscard]] std::size_t chip_id_size(attestation::Product product) noexcept;

// The key that signs in this state. The holder of a VLEK whose provider is not known is empty.
// Failure: invalid_input, naming the bytes: a reserved byte of the reported TCB is set, or bytes of
// the chip id that the product does not use; not_found if the chip's keys are masked.
[[nodiscard]] Result<CertificateKey> key_for(const SigningState& state);

// The key that a VCEK or VLEK is for, by what it says.
// Failure: invalid_input: it is none, or its extensions are malformed.
[[nodiscard]] Result<CertificateKey> key_of(const crypto::Certificate& leaf);

// "Milan VCEK of chip 0123... for bootloader 4, TEE 0, SNP 22, microcode 213"
[[nodiscard]] std::string to_text(const CertificateKey& key);

}  // namespace extreq::host
