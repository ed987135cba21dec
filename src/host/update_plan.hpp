// The changes that `host update` makes: what each leads to, and how it is made.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attestation/tcb.hpp"
#include "host/update_transaction.hpp"

namespace extreq::host {

// Each is made from the state that the transaction gives it, which is the one under the lock when
// the command runs: what is not to be changed is written back as it was read there. Each refers to
// `platform`, which must outlive what is given back.

// SNP_COMMIT: reports carry the TCB that is running now; a VLEK is lost if that is another one than
// before.
[[nodiscard]] UpdateTransaction::Plan plan_commit(firmware::Platform& platform);

// SNP_CONFIG. What is not named stays as it is. A VLEK is lost if the reported TCB changes.
// Failure of the plan: invalid_input for a TCB that is not in the platform's layout.
struct ConfigChange {
  std::optional<attestation::Tcb> reported_tcb;
  std::optional<bool> mask_chip_id;
  std::optional<bool> mask_chip_key;
};
[[nodiscard]] UpdateTransaction::Plan plan_config(firmware::Platform& platform,
                                                  const ConfigChange& change);

// SNP_VLEK_LOAD of a VLEK of provider `csp_id`.
// Effect: it is not known any more whose VLEK is loaded (Platform::vlek_provider), until the
// command has loaded this one: if it fails, an earlier one of any provider may still be there.
// Failure of the plan: invalid_input for an empty `csp_id`, and for a hashstick that is wrapped for
// another TCB than the reported one: the firmware would refuse it.
[[nodiscard]] UpdateTransaction::Plan plan_vlek_load(firmware::Platform& platform,
                                                     const abi::snp::WrappedVlek& vlek,
                                                     const std::string& csp_id);

// A program, as run_guarded_command() runs it. `to_tcb`: what it leads to; nullopt: it changes
// nothing that matters. Lifetime: `signals` must outlive what is given back.
// Failure of the command: as run_guarded_command().
[[nodiscard]] UpdateTransaction::Plan plan_program(std::vector<std::string> arguments,
                                                   const std::optional<attestation::Tcb>& to_tcb,
                                                   EndingSignals& signals);

}  // namespace extreq::host
