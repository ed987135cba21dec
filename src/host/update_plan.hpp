// The changes that `host update` makes: what each leads to, and how it is made.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attestation/tcb.hpp"
#include "host/update_transaction.hpp"

namespace extreq::host {

struct PlannedUpdate {
  UpdateTransaction::Plan plan;
  UpdateTransaction::Command command;
};

// Each refers to `platform`, which must outlive what is given back.

// SNP_COMMIT: reports carry the TCB that is running now; a VLEK is lost if that is another one than
// before. Failure: io if the platform does not answer.
[[nodiscard]] Result<PlannedUpdate> plan_commit(firmware::Platform& platform);

// SNP_CONFIG. No TCB: as it is. A VLEK is lost if the reported TCB changes.
// Failure: invalid_input for a TCB that is not in the platform's layout; io.
struct ConfigChange {
  std::optional<attestation::Tcb> reported_tcb;
  bool mask_chip_id = false;
  bool mask_chip_key = false;
};
[[nodiscard]] Result<PlannedUpdate> plan_config(firmware::Platform& platform,
                                                const ConfigChange& change);

// SNP_VLEK_LOAD. Failure: invalid_input for a hashstick that is wrapped for another TCB than the
// reported one: the firmware would refuse it; io.
[[nodiscard]] Result<PlannedUpdate> plan_vlek_load(firmware::Platform& platform,
                                                   const abi::snp::WrappedVlek& vlek);

// A program, given with its arguments and looked for in $PATH. It inherits the lock, and standard
// input, output and error. `to_tcb`: what it leads to; nullopt: it changes nothing that matters.
// Failure of the command: not_found: no such program; io: its exit status or signal.
[[nodiscard]] PlannedUpdate plan_program(std::vector<std::string> arguments,
                                         const std::optional<attestation::Tcb>& to_tcb);

}  // namespace extreq::host
