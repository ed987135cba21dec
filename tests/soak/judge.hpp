// Judge: a guest of its own on the platform, and whether its reports are of the table held.
//
// Threading: one process, one thread.
#pragma once

#include <memory>

#include "firmware/model/test_guest.hpp"
#include "sim/evidence_check.hpp"
#include "tests/soak/scene.hpp"

namespace extreq::soak {

class Judge {
 public:
  // Launches the guest. Failure: throws std::runtime_error.
  explicit Judge(const Scene& scene);

  // Call it while the lease on `held` lasts: has a report signed, compares and counts. Each report
  // is compared with the table by its reported TCB; each 32nd pair, and the first one after each
  // change of the table, is verified in full: chain, signature, TCB, chip.
  // Failure: throws std::runtime_error.
  void sign_and_compare(ByteView held, Kind kind);

 private:
  [[nodiscard]] bool verify(ByteView held, const abi::snp::AttestationReport& report);

  const Scene& scene_;
  std::unique_ptr<firmware::model::SecureProcessor> processor_;
  firmware::model::TestGuest guest_;
  sim::EvidenceCheck check_;
  std::uint64_t tables_seen_ = 0;
  const KnownTable* last_ = nullptr;
};

}  // namespace extreq::soak
