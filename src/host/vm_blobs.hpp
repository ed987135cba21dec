// VmBlobs: keeps the blobs of single VMs (lease/vm_blobs.hpp) what the machine's blob is.
//
// One that does not fit what the firmware signs with is withdrawn at once. A table is published in
// one only while the shared lock on the machine's blob is held, with the table that is in there: no
// updater is at work then (doc/lock.md, "Blobs of single VMs"). One VM's failure or held lease is
// nothing to the others.
// Threading: one thread at a time; any number of processes.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "firmware/platform.hpp"
#include "host/signing_state.hpp"
#include "lease/blob_writer.hpp"

namespace extreq::host {

struct VmBlobsReport {
  std::size_t count = 0;
  std::size_t withdrawn = 0;  // tables that did not fit
  std::size_t published = 0;
  std::optional<Error> problem;  // why one of them is not as the machine's; the first
};

class VmBlobs {
 public:
  // Lifetime: what is given must outlive it.
  VmBlobs(const lease::BlobWriter& first, firmware::Platform& platform)
      : first_(first), platform_(platform) {}

  // Withdraws what does not fit. Waits at most `lock_wait` for all leases together.
  void withdraw(Clock::Duration lock_wait, VmBlobsReport& report);

  // The same, and copies the machine's blob to each that holds something else. If that blob is
  // being updated, or has no table that fits, nothing is copied. Sets count and problem anew.
  void follow(Clock::Duration lock_wait, VmBlobsReport& report);

 private:
  // `table`: what to publish, which the caller holds true; empty: nothing.
  void tend_all(ByteView table, Clock::Duration lock_wait, VmBlobsReport& report);
  [[nodiscard]] Status tend(const std::string& path, ByteView table, Clock::Duration lock_wait,
                            VmBlobsReport& report);
  [[nodiscard]] Status mend(lease::BlobUpdate& update, ByteView table, VmBlobsReport& report);
  [[nodiscard]] lease::BlobWriter& writer_of(const std::string& path);

  const lease::BlobWriter& first_;
  firmware::Platform& platform_;
  std::map<std::string, lease::BlobWriter> writers_;
};

}  // namespace extreq::host
