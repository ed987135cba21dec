// simulate: the whole path of extended guest requests in one process, every part real.
//
// A guest with a number of virtual processors, launched on the software firmware, behind the
// hypervisor library, served by the VMM library from a certificate blob under the product's file
// lock, while the host's update transaction changes the reported TCB. The only thing played is the
// guest's instructions (guest_thread.hpp).
// Threading: each call starts its own threads and has ended them when it returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "firmware/model/authority.hpp"
#include "hypervisor/vm_config.hpp"
#include "sim/recorder.hpp"
#include "sim/step_log.hpp"

namespace extreq::sim {

struct SimulationConfig {
  unsigned vcpus = 4;
  std::uint64_t requests = 1000;  // in all
  hypervisor::ExitAbi exit_abi = hypervisor::ExitAbi::merged;
  attestation::Product product = attestation::Product::milan;
  // The reported TCB, and with it the signing key and the certificates, changes all the while.
  bool rotate = false;
  // False: the VMM reads the certificates without the lock, and with `rotate` the changes are
  // placed between the copy of the certificates and the signature, for requests that `seed`
  // chooses. Guests then get reports and certificates that do not match: what the lock is there to
  // prevent.
  bool lock = true;
  std::uint64_t seed = 1;
  // The model's RSA keys; nullopt: made anew, which takes seconds.
  std::optional<firmware::model::AuthorityKeys> keys;
};

struct SimulationResult {
  std::uint64_t requests = 0;         // asked by guests
  std::uint64_t genuine = 0;          // report and certificates verified by the guest
  std::uint64_t mismatches = 0;       // report and certificates of one reply do not belong together
  std::uint64_t no_certificates = 0;  // the report came alone
  std::uint64_t not_genuine = 0;      // anything else wrong with the evidence
  std::uint64_t failures = 0;         // no report at all
  std::uint64_t busy = 0;             // answers BUSY
  std::uint64_t retries = 0;          // messages sent again, for whatever reason
  std::uint64_t rotations = 0;        // changes of the reported TCB
  Clock::Duration longest_hold{};     // how long guests had to wait for one change, at most
  Clock::Duration elapsed{};
  std::string first_problem;  // why the first one was not genuine; empty if all were
};

// Effect: installs the platform, publishes its certificates, launches the guest, runs all of its
// processors at once until each has asked for its share of the requests, and takes everything down
// again. `steps`, if given, hears what each party did: meant for one processor and few requests.
// Failure: names the part that could not be made, or that ended early.
// Lifetime: recorder and steps must outlive the call.
[[nodiscard]] Result<SimulationResult> simulate(const SimulationConfig& config, Recorder& recorder,
                                                StepLog* steps = nullptr);

}  // namespace extreq::sim
