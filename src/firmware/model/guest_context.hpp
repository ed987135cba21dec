// GuestContext: what the processor knows of one guest (AMD 56860, chapter "Guest Context").
//
// Lifetime: owns keys and wipes them. Threading: used inside a turn of the StateStore only.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/snp_firmware.hpp"
#include "attestation/launch_digest.hpp"
#include "attestation/tcb.hpp"
#include "base/secret.hpp"
#include "message/responder.hpp"

namespace extreq::firmware::model {

// What a guest with Secure TSC sees of time (chapters "SNP_LAUNCH_START", "MSG_TSC_INFO_REQ").
struct TscInfo {
  std::uint64_t scale = 1ULL << 32U;  // GUEST_TSC_SCALE, 8.32 fixed point: 1
  std::uint64_t offset = 0;           // GUEST_TSC_OFFSET
  std::uint32_t factor = 0;           // TSC_FACTOR
};

enum class GuestPhase : std::uint8_t {
  init,     // after SNP_GCTX_CREATE
  launch,   // after SNP_LAUNCH_START
  running,  // after SNP_LAUNCH_FINISH
};

// From the ID block and its authentication; all zero without one.
struct GuestIdentity {
  abi::ByteArray<16> family_id{};
  abi::ByteArray<16> image_id{};
  std::uint32_t guest_svn = 0;
  abi::ByteArray<48> id_key_digest{};
  abi::ByteArray<48> author_key_digest{};
  bool author_key_en = false;
};

struct GuestContext {
  GuestPhase phase = GuestPhase::init;
  std::uint64_t policy = 0;
  abi::ByteArray<16> gosvw{};
  TscInfo tsc;
  attestation::LaunchDigest launch_digest;
  attestation::Tcb launch_tcb;
  std::uint64_t launch_mit_vector = 0;
  GuestIdentity identity;
  abi::ByteArray<32> host_data{};
  bool vcek_disabled = false;
  abi::ByteArray<32> report_id{};
  Secret<32> vmrk;
  message::Responder::Keys vmpcks;              // until SNP_LAUNCH_FINISH hands them on
  std::optional<message::Responder> responder;  // from then on
};

}  // namespace extreq::firmware::model
