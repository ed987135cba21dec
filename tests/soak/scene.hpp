// Scene: the folder that the soak's processes share (platform, blob, counters), and what every one
// of them knows beforehand: which table belongs to which reported TCB.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attestation/trust_anchors.hpp"
#include "firmware/model/secure_processor.hpp"
#include "tests/soak/shared_state.hpp"

namespace extreq::soak {

struct KnownTable {
  std::uint64_t reported_tcb = 0;
  Bytes bytes;
};

struct Scene {
  std::string folder;
  SharedState* shared = nullptr;
  std::vector<KnownTable> tables;
  attestation::TrustAnchors anchors;
  std::uint64_t seed = 0;
  bool lock = true;  // false: the key changes outside the lock, which must be noticed

  [[nodiscard]] std::string platform() const { return folder + "/platform"; }
  [[nodiscard]] std::string blob() const { return folder + "/host.blob"; }
  [[nodiscard]] std::string socket() const { return folder + "/socket"; }
  [[nodiscard]] std::string counters() const { return folder + "/counters"; }
};

// Installs the platform and issues the certificates of all TCBs. Failure: io.
[[nodiscard]] Status prepare(Scene& scene);

// The one that belongs to a TCB. Failure: not_found: nobody sets that one.
[[nodiscard]] Result<Bytes> table_of(const Scene& scene, std::uint64_t reported_tcb);

// SNP_CONFIG with a reported TCB. Failure: io.
[[nodiscard]] Status report_tcb(firmware::model::SecureProcessor& processor,
                                std::uint64_t reported_tcb);

}  // namespace extreq::soak
