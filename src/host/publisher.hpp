// Publisher: one look at the platform and the blob, and what it takes to make them fit.
//
// A table for another key than the firmware signs with is withdrawn at once: guests get the empty
// table while the right one is fetched, which happens without the lock. A table is published only
// under the exclusive lock, and only if the state read back there is the one it was made for. What
// fits is left alone, whatever the provider says: an outage takes nothing from the guests.
// A kill at any step leaves what doc/lock.md says.
// Lifetime: what it refers to must outlive it. Threading: one thread at a time; any number of
// processes, `extreq host update` among them.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "host/blob_look.hpp"
#include "host/signing_state.hpp"
#include "host/vm_blobs.hpp"
#include "lease/blob_writer.hpp"

namespace extreq::host {

enum class Renew : bool {
  if_needed,  // a table that fits stays
  always,     // also looks for a newer one: a renewed certificate, a fresh CRL
};

struct PassReport {
  SigningState state;
  BlobFinding found = BlobFinding::unreadable;  // at first; what was withdrawn, if something was
  std::string found_why;
  bool withdrawn = false;  // a table that did not fit became the empty one
  bool published = false;
  Bytes table;                   // what is served at the end; empty or 24 zero bytes: none
  std::optional<Error> problem;  // why guests do not get certificates that fit
  std::optional<Error> warning;  // why what is served could not be renewed
  Clock::Duration lock_wait{};   // of the longest wait for the exclusive lock
  VmBlobsReport vms;             // the blobs of single VMs, which follow this one
};

class Publisher {
 public:
  Publisher(lease::BlobWriter& writer, firmware::Platform& platform, CertificateProvider provider);

  // Waits at most `lock_wait` for each lock, and for those of all VMs' blobs together; besides as
  // long as the provider. Failure: the platform does not answer; the blob is as it was.
  [[nodiscard]] Result<PassReport> pass(Clock::Duration lock_wait, Renew renew = Renew::if_needed);

 private:
  [[nodiscard]] Result<bool> mend(PassReport& report, Clock::Duration lock_wait, Renew renew);
  [[nodiscard]] Result<Bytes> table_for(const SigningState& state);
  [[nodiscard]] Status withdraw(PassReport& report, Clock::Duration lock_wait);
  [[nodiscard]] Result<bool> publish(ByteView table, PassReport& report, Clock::Duration lock_wait);

  lease::BlobWriter& writer_;
  firmware::Platform& platform_;
  CertificateProvider provider_;
  VmBlobs vms_;
};

}  // namespace extreq::host
