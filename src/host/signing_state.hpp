// SigningState: what decides which certificates fit the reports that this machine's firmware signs.
#pragma once

#include <cstdint>
#include <functional>

#include "attestation/product.hpp"
#include "base/bytes.hpp"
#include "firmware/platform.hpp"

namespace extreq::host {

struct SigningState {
  attestation::Product product{};
  firmware::ChipId chip_id{};
  std::uint64_t reported_tcb = 0;
  bool vlek_loaded = false;    // signs with VLEK unless the guest asks for VCEK
  bool mask_chip_key = false;  // signs with nothing: no certificate fits

  friend bool operator==(const SigningState&, const SigningState&) = default;
};

// As the platform is now: SNP_PLATFORM_STATUS and the chip's id.
// Failure: io, with the command's own words; unsupported for a processor without known product.
[[nodiscard]] Result<SigningState> read_signing_state(firmware::Platform& platform);

// What a change of the signing key starts from.
struct PlatformState {
  SigningState signing;
  std::uint64_t current_tcb = 0;  // what SNP_COMMIT makes the reported TCB
  bool mask_chip_id = false;
};

// One reading of all of it. Failure: as read_signing_state().
[[nodiscard]] Result<PlatformState> read_platform_state(firmware::Platform& platform);

// "Milan, reported TCB bootloader 4, TEE 0, ..., VCEK"
[[nodiscard]] std::string to_text(const SigningState& state);

// The certificate table for a state: from a store, a key service, or a model.
// Failure: why there is none; the host then serves an empty table.
using CertificateProvider = std::function<Result<Bytes>(const SigningState&)>;

// Whether the table's leaf is of the kind that the state signs with, for its reported TCB and, for
// a VCEK, its chip. It does not verify signatures: whoever provides the table has done that.
// Failure: invalid_input, naming what does not fit, or what is no table.
[[nodiscard]] Status check_fits(ByteView table, const SigningState& state);

}  // namespace extreq::host
