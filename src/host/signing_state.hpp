// SigningState: what decides which certificates fit the reports that this machine's firmware signs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "attestation/product.hpp"
#include "base/bytes.hpp"
#include "firmware/platform.hpp"

namespace extreq::host {

struct SigningState {
  attestation::Product product{};
  firmware::ChipId chip_id{};
  std::uint64_t reported_tcb = 0;
  bool vlek_loaded = false;    // signs with VLEK unless the guest asks for VCEK
  std::string csp_id;          // whose VLEK, as the operator has named it; empty: not known
  bool mask_chip_key = false;  // signs with nothing: no certificate fits

  friend bool operator==(const SigningState&, const SigningState&) = default;
};

// The same state without the VLEK: a change of the reported TCB has deleted it.
[[nodiscard]] SigningState without_vlek(SigningState state);

// As the platform is now: SNP_PLATFORM_STATUS, the chip's id, and whose VLEK is loaded, as it was
// named to the platform.
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

// "Milan, reported TCB bootloader 4, TEE 0, ..., VCEK", or "... VLEK of provider NAME"
[[nodiscard]] std::string to_text(const SigningState& state);

// The certificate table for a state: from a store, a key service, or a model.
// Failure: why there is none; the host then serves an empty table.
using CertificateProvider = std::function<Result<Bytes>(const SigningState&)>;

// Failure: unsupported if a VLEK is loaded and it is not known whose: the certificates of another
// provider have the same product and TCB, and verify no report.
[[nodiscard]] Status check_vlek_provider(const SigningState& state);

// Whether the table's leaf is of the kind that the state signs with, for its reported TCB and its
// holder: the chip of a VCEK, the provider of a VLEK. It does not verify signatures: whoever
// provides the table has done that.
// Failure: that of check_vlek_provider(); invalid_input, naming what does not fit, or what is no
// table.
[[nodiscard]] Status check_fits(ByteView table, const SigningState& state);

}  // namespace extreq::host
