// BlobGroup and BlobGroupUpdate: one update of the machine's blob and of all blobs of single VMs
// (vm_blobs.hpp). doc/lock.md, "Blobs of single VMs", is the protocol.
//
// The machine's blob is locked first, then the VMs' in the order of their names, and no lock is
// kept while another one is waited for long: a VM that does not give its lease back keeps the
// update from the machine, and nothing from the other VMs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lease/blob_writer.hpp"

namespace extreq::lease {

// An update under way: holds the exclusive locks of all blobs.
// Threading, forked children: as BlobUpdate.
class BlobGroupUpdate {
 public:
  // Whether each blob holds exactly these bytes.
  [[nodiscard]] bool holds(ByteView table) const;

  // Effect: each blob is an empty table.
  // Failure: io: each is as it was, as far as that could be had; do not run the command.
  [[nodiscard]] Status tombstone();

  // Effect: the table is in each blob.
  // Failure: as BlobUpdate::publish(), of the first that failed; the others have it.
  [[nodiscard]] Status publish(ByteView table);

  // As BlobUpdate's, of the machine's blob: whoever publishes in any of the blobs holds that one's
  // lock, so it keeps all of them empty.
  [[nodiscard]] int lock_descriptor() const noexcept { return updates_.front().lock_descriptor(); }

  // For all of them.
  [[nodiscard]] const LockWait& lock_wait() const noexcept { return wait_; }

 private:
  friend class BlobGroup;
  explicit BlobGroupUpdate(BlobUpdate first) { updates_.push_back(std::move(first)); }

  std::vector<BlobUpdate> updates_;  // the machine's blob's, then the VMs'
  LockWait wait_;
};

// Threading: as BlobWriter.
class BlobGroup {
 public:
  // `first` is the machine's blob's. Lifetime: it must outlive this.
  explicit BlobGroup(BlobWriter& first) : first_(first) {}

  // Effect: as BlobWriter::begin() for the machine's blob and each VM's blob that is there once the
  // first one is locked. A VM's blob is not created.
  // Failure: as BlobWriter::begin(), of the blob that it names; io: the folder cannot be read. No
  // lock is held then, and nothing was changed.
  [[nodiscard]] Result<BlobGroupUpdate> begin(Clock::Duration max_wait);

 private:
  [[nodiscard]] BlobWriter& writer_of(const std::string& path);
  [[nodiscard]] Result<BlobWriter*> lock_vms(BlobGroupUpdate& update, BoundedWait& wait);

  BlobWriter& first_;
  std::map<std::string, BlobWriter> vms_;
};

}  // namespace extreq::lease
