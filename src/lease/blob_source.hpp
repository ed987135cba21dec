// BlobSource: certificates from a file under the lock that Linux' KVM documentation recommends
// (Documentation/virt/kvm/api.rst, KVM_EXIT_SNP_REQ_CERTS). doc/lock.md is the whole protocol.
//
// Effect of a lease: a shared lock over the whole file, on an open file description of its own,
// from acquire() to release(); the table is what the file held under that lock. The file that is
// locked is the one that the path names after the lock was taken.
// Cost: four system calls (lock, stat, read, unlock), two where the state page lets readers keep
// their copy; nothing is allocated on that path. The state page, if there is one, also makes
// readers stay back while a writer waits.
// Failure of acquire(): not_found (no file), busy (an update is under way), invalid_input (a file
// too large, cut off, or no table), io, unsupported (no such locks here), closed (forked child).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "lease/certificate_source.hpp"
#include "lease/table_shape.hpp"

namespace extreq::lease {

struct BlobSourceOptions {
  std::size_t size_limit = table_size_limit;
  // How long a reader stays back, at most, for a writer who waits. Never longer than acquire()'s
  // own limit.
  Clock::Duration courtesy = std::chrono::milliseconds(250);
  Clock* clock = &system_clock();  // must outlive the source and its holders
};

// A lease on the blob, for whoever hands it on to another process.
class BlobHolder : public Holder {
 public:
  // While a lease is held: the descriptor whose open file description holds the lock. A duplicate
  // of it (in another process, too) keeps the lock alive when this process dies; release() ends the
  // lock for all of them. It stays this object's.
  [[nodiscard]] virtual int lock_descriptor() const noexcept = 0;

  // Ends this object's part in a lease without ending the lock, which lives on with the duplicates:
  // closes its descriptor. Without duplicates that is release().
  virtual void leave() noexcept = 0;
};

class BlobSource final : public CertificateSource {
 public:
  // Touches nothing yet.
  explicit BlobSource(std::string path, BlobSourceOptions options = {});

  [[nodiscard]] Result<std::unique_ptr<BlobHolder>> open_blob_holder();

  // Opens the file once more for this holder. A file that does not exist yet is no failure here:
  // acquire() looks again.
  [[nodiscard]] Result<std::unique_ptr<Holder>> open_holder() override;

 private:
  std::string path_;
  BlobSourceOptions options_;
};

}  // namespace extreq::lease
