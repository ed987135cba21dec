// PlatformState: all that the software model's processor keeps between commands, and its file form.
//
// Format of the file: doc/firmware-model.md. Terms: AMD 56860, chapters "TCB Version",
// "Versioned Loaded Endorsement Key".
// Lifetime: owns secrets and wipes them; copies are explicit (clone). Threading: a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "abi/snp_firmware.hpp"
#include "attestation/product.hpp"
#include "attestation/tcb.hpp"
#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

// What DOWNLOAD_FIRMWARE_EX brings: versions, and what that firmware can do.
struct FirmwareImage {
  attestation::Tcb tcb;
  abi::snp::FirmwareVersion version;
  std::uint8_t report_version = 5;       // 2, 3 or 5
  std::uint8_t key_request_version = 2;  // newest MSG_KEY_REQ that it understands: 1 or 2
  std::uint64_t mit_vector = 0;          // CURRENT_MIT_VECTOR
};

inline constexpr std::size_t csp_id_max = 63;
using VlekSeed = Secret<48>;

// The hashstick of SNP_VLEK_LOAD, unwrapped.
struct LoadedVlek {
  VlekSeed seed;
  std::string csp_id;  // 1 to csp_id_max printable ASCII characters
};

struct PlatformState {
  attestation::Product product = attestation::Product::milan;
  CpuSignature cpu;
  ChipId chip_id{};
  Secret<64> chip_secret;  // the root of VCEK and of derived keys
  Secret<48> kds_secret;   // known to the model's KDS alone: the root of VLEK seeds
  std::chrono::sys_seconds created_at;

  FirmwareImage current;
  attestation::Tcb committed_tcb;
  abi::snp::FirmwareVersion committed_version;
  attestation::Tcb reported_tcb;
  bool mask_chip_id = false;
  bool mask_chip_key = false;
  std::uint64_t platform_info = 0;
  std::optional<LoadedVlek> vlek;

  [[nodiscard]] PlatformState clone() const;
};

// The rules that hold between the fields at all times: a product that is modelled, its TCB layout
// everywhere, reported <= committed <= current by component, versions that exist.
// Failure: invalid_input names the field, what was found and what is required.
[[nodiscard]] Status check(const PlatformState& state);

inline constexpr std::size_t platform_state_file_size = 0x1A8;
// The file form; holds secrets: the caller wipes it.
[[nodiscard]] Bytes encode(const PlatformState& state);

// Failure: invalid_input for another length, magic, format version or digest, and as check().
[[nodiscard]] Result<PlatformState> decode_platform_state(ByteView file);

// "1.58.29": major, minor, build.
[[nodiscard]] std::string to_text(const abi::snp::FirmwareVersion& version);
// Major, then minor, then build.
[[nodiscard]] bool is_older(const abi::snp::FirmwareVersion& a, const abi::snp::FirmwareVersion& b);

// 1 to csp_id_max characters, printable ASCII.
[[nodiscard]] Status check_csp_id(std::string_view csp_id);

}  // namespace extreq::firmware::model
