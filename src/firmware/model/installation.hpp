// Installation: what a new platform of the model is made of.
#pragma once

#include <optional>

#include "attestation/product.hpp"
#include "base/clock.hpp"
#include "firmware/model/authority.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

struct Installation {
  attestation::Product product = attestation::Product::milan;  // or genoa, turin
  // nullopt: a usual value for the product; the chip's id and secrets are always random unless
  // said.
  std::optional<CpuSignature> cpu;  // Bergamo and Siena are genoa
  std::optional<ChipId> chip_id;
  std::optional<FirmwareImage> firmware;          // running, and
  std::optional<attestation::Tcb> committed_tcb;  // nullopt: as the firmware's
  std::optional<attestation::Tcb> reported_tcb;   // nullopt: as the committed one
  // SMT on, ECC on, no aliases.
  std::uint64_t platform_info = abi::snp::platform_info::smt_en | abi::snp::platform_info::ecc_en |
                                abi::snp::platform_info::alias_check_complete;
  std::optional<AuthorityKeys> keys;  // nullopt: three new RSA-4096 keys, which takes seconds
};

// A firmware as it could run on the product: TCB, version 1.58, report version 5.
[[nodiscard]] FirmwareImage usual_firmware(attestation::Product product);

// The first state, with new secrets. Failure: as check(); unsupported for a product that is not
// modelled; io.
[[nodiscard]] Result<PlatformState> new_platform(const Installation& installation,
                                                 const Clock& clock);

}  // namespace extreq::firmware::model
