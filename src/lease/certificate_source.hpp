// CertificateSource: where a VMM gets certificates, held true for as long as it needs them.
//
// The promise: from acquire() to release() nobody who keeps the lock's rules changes the signing
// key of this machine's firmware, so a report that is signed in between fits the table that
// acquire() gave. doc/lock.md says who must keep them.
//
// Who implements it: MemorySource, BlobSource (a file under the documented lock), and the client
// of the host service's socket.
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace extreq::lease {

// One vCPU's lease. Each vCPU has a Holder of its own, so that the release of one never drops the
// lock under another.
// Lifetime: must not outlive its source; the destructor releases.
// Threading: one thread at a time. In a forked child every call does nothing.
class Holder {
 public:
  virtual ~Holder() = default;

  // Effect: takes the lease, waiting at most `max_wait`, and gives the certificate table (GHCB
  // format). A view of no bytes, or one that starts with 24 zero bytes, is "no certificates". The
  // view stays valid until release().
  // Failure: busy (an update is under way and max_wait is over), not_found, io, invalid_input.
  // No lease is held after a failure. Calling it while a lease is held is invalid_input.
  [[nodiscard]] virtual Result<ByteView> acquire(Clock::Duration max_wait) = 0;

  // Ends the lease; nothing if none is held.
  virtual void release() noexcept = 0;

  [[nodiscard]] virtual bool held() const noexcept = 0;
};

class CertificateSource {
 public:
  virtual ~CertificateSource() = default;
  // Threading: any thread.
  [[nodiscard]] virtual Result<std::unique_ptr<Holder>> open_holder() = 0;
};

}  // namespace extreq::lease
