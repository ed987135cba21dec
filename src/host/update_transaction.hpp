// UpdateTransaction: changes what the firmware signs with, and the certificates with it, so that no
// guest ever gets a report and a certificate that do not match. doc/lock.md is the protocol.
//
// The order: the table for the planned state is made and checked while guests go on; then the
// exclusive lock; the plan is made again from the state that is read under it, and if that leads to
// another state the lock is given back and all begins anew; the blob becomes an empty table; the
// command; the platform's state is read back; the table is published if that state is the planned
// one, the empty table if not; unlock. A table for another state than planned is fetched after
// that, while guests get the empty one, and published under the lock once more if the state is
// still the same. So guests wait for the command's time only, and no command writes back what was
// read before the lock. A kill at any step leaves the old table (before the command), the empty one
// or the new one. The blobs of single VMs (lease/vm_blobs.hpp) are changed with the machine's,
// under the locks of all. Lifetime: what it refers to must outlive it. Threading: one thread at a
// time; any number of processes, which exclude each other by the lock.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "firmware/platform.hpp"
#include "host/ending_signals.hpp"
#include "host/signing_state.hpp"
#include "lease/blob_group.hpp"

namespace extreq::host {

struct UpdateReport {
  SigningState before;                // read under the lock
  std::optional<SigningState> after;  // nullopt: the platform did not say
  // Why the command failed; nullopt if it did not. The report still tells what is served now.
  std::optional<Error> command_error;
  // Why guests get an empty table now; nullopt if `after` has certificates and they are served.
  std::optional<Error> no_certificates;
  lease::LockWait lock_wait;
  Clock::Duration held{};  // how long guests could not get certificates
};

class UpdateTransaction {
 public:
  // What changes the platform. `lock_descriptor` is for a command that runs as another process: see
  // lease::BlobUpdate::lock_descriptor().
  using Command = std::function<Status(int lock_descriptor)>;
  struct Change {
    SigningState leads_to;  // what the command is meant to lead to
    Command command;
  };
  // What is to be done, from the state before it. It is called before the lock, for the table that
  // will be needed, and under the lock, for the command; it keeps nothing from one call to the
  // next. Failure: why this cannot be done from that state.
  using Plan = std::function<Result<Change>(const PlatformState& before)>;

  UpdateTransaction(lease::BlobWriter& writer, firmware::Platform& platform,
                    CertificateProvider provider, Clock& clock = system_clock());

  // `signals` are held from before the blob becomes empty on, until their owner releases them.
  // nullptr: this process has its own way with signals.
  // Failure: nothing was changed, and the old table is served: the platform did not answer, the
  // plan cannot be carried out, there are no certificates for the planned state, the lock was not
  // to be had within `max_wait` (busy), the state changed at each attempt (busy), or the blob
  // cannot be written. Once the command has run there is always a report.
  [[nodiscard]] Result<UpdateReport> run(const Plan& plan, Clock::Duration max_wait,
                                         EndingSignals* signals = nullptr);

  // Publishes the table for the state that is: at start-up, and after somebody else's change. A
  // table that is right already is left alone.
  // Failure: as run(), but that certificates cannot be had is in the report.
  [[nodiscard]] Result<UpdateReport> publish_current(Clock::Duration max_wait);

 private:
  struct Prepared {
    SigningState state;
    Bytes table;  // none: there are no certificates for this state
  };

  [[nodiscard]] Result<Bytes> table_for(const SigningState& state);
  // One attempt. False: under the lock the plan led to another state than before it, `before` is
  // the state read there, and nothing was changed.
  [[nodiscard]] Result<bool> change(const Plan& plan, PlatformState& before,
                                    Clock::Duration max_wait, EndingSignals* signals,
                                    UpdateReport& report);
  // Under the lock: serves what was prepared if it is for the state that is, else none. True if the
  // state is another one, whose certificates are not at hand.
  [[nodiscard]] bool serve(lease::BlobGroupUpdate& update, const Prepared& prepared,
                           UpdateReport& report);
  // Without the lock: `table` is for report.after.
  void fetch_and_serve(Result<Bytes> table, Clock::Duration max_wait, UpdateReport& report);

  lease::BlobGroup blobs_;
  firmware::Platform& platform_;
  CertificateProvider provider_;
  Clock& clock_;
};

}  // namespace extreq::host
