// BlobWriter and BlobUpdate: the exclusive side of the certificate blob's lock. doc/lock.md is the
// whole protocol, with what a reader sees after a kill at each step.
//
//   auto update = writer.begin(max_wait);   // exclusive lock
//   update->tombstone();                    // the file is an empty table from here on
//   ... the command that may change the signing key ...
//   update->publish(table);                 // body, size, first entry last
//   // destructor: unlock
//
// The file is always changed in place, never by rename: a reader that holds it open, or does not
// look whether the path still names it, would go on with the old one.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "lease/blob_file.hpp"
#include "lease/bounded_wait.hpp"
#include "lease/lock_holders.hpp"
#include "lease/ofd_lock.hpp"
#include "lease/process_mark.hpp"
#include "lease/state_page.hpp"
#include "lease/table_shape.hpp"

namespace extreq::lease {

struct BlobWriterOptions {
  std::size_t size_limit = table_size_limit;
  // Says to readers, through the state page, that every writer of this blob is a BlobWriter that
  // keeps this page, and that nobody removes or replaces blob or page while readers run. They may
  // then keep their copy while the page's generation stands, and need two system calls instead of
  // four. If it is not so, they serve stale certificates.
  bool sole_writer = false;
  bool create = true;              // make the file if there is none
  Clock* clock = &system_clock();  // must outlive the writer; readers use CLOCK_MONOTONIC
};

struct LockWait {
  Clock::Duration waited{};
  // Seen when the wait had become long; empty after a short one.
  std::vector<LockHolder> holders;
};

// An update under way: holds the exclusive lock.
// Threading: one thread at a time. In a forked child every call fails with closed, and the
// destructor touches neither file nor lock.
class BlobUpdate {
 public:
  // Unlocks, if a table was published or tombstone() was never called. Else the key may have
  // changed and its command may still run: the file stays the empty table, and the lock goes when
  // the last process that has lock_descriptor() closes it.
  ~BlobUpdate();
  BlobUpdate(const BlobUpdate&) = delete;
  BlobUpdate& operator=(const BlobUpdate&) = delete;
  BlobUpdate(BlobUpdate&& other) noexcept = default;
  BlobUpdate& operator=(BlobUpdate&&) = delete;

  // What the file holds now. Failure: io; too_small if it is larger than the writer's limit.
  [[nodiscard]] Result<Bytes> content() const;

  // Effect: one write of 24 zero bytes at offset 0: a valid, empty table.
  // Failure: io: the file is as it was; do not run the command.
  [[nodiscard]] Status tombstone();

  // Effect: tombstone() if that has not been done, then the table from byte 24 on, the size, and
  // the first 24 bytes last. An empty table is published as 24 zero bytes.
  // Failure: too_small (larger than the limit), invalid_input (no table): nothing was written.
  // io: the file is an empty table. It may be called again.
  [[nodiscard]] Status publish(ByteView table);

  // For processes that keep the lock while the command runs, and do so when the updater is killed:
  // its open file description carries the lock (doc/lock.md, "The command's process and its
  // keeper"). The descriptor is closed on exec.
  [[nodiscard]] int lock_descriptor() const noexcept { return file_.fd.get(); }

  [[nodiscard]] const LockWait& lock_wait() const noexcept { return wait_; }

 private:
  friend class BlobWriter;
  BlobUpdate() = default;
  [[nodiscard]] Status usable() const;

  std::string path_;
  std::size_t size_limit_ = 0;
  bool sole_writer_ = false;
  ProcessMark process_;
  LockWait wait_;
  OpenFile displaced_;      // the file that the path named before, if it was replaced
  OfdLock displaced_lock_;  // locked too, for the readers that still have it
  OpenFile file_;
  OfdLock lock_;
  std::shared_ptr<StatePageWriter> state_;  // none if the page could not be made
  bool changing_ = false;                   // from the tombstone on, until a table is published
};

// Threading: one thread at a time. Any number of writers, in any number of processes, exclude each
// other by the lock.
class BlobWriter {
 public:
  // Touches nothing yet.
  explicit BlobWriter(std::string path, BlobWriterOptions options = {});

  // Effect: creates the file if there is none (mode 0640, an empty table; its folder must exist;
  // not found without BlobWriterOptions::create),
  // waits, at most `max_wait`, until nobody else holds a lock on it, and holds the exclusive one.
  // While it waits, readers that know the state page stay back.
  // Failure: busy, with how long and for whom it waited; io, not_found (no folder), invalid_input
  // (no regular file), unsupported (no such locks, or a state page of another version), closed
  // (forked child).
  [[nodiscard]] Result<BlobUpdate> begin(Clock::Duration max_wait);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const BlobWriterOptions& options() const noexcept { return options_; }
  [[nodiscard]] Clock& clock() const noexcept { return *options_.clock; }

 private:
  [[nodiscard]] Status lock(const OpenFile& file, OfdLock& lock, BoundedWait& wait,
                            LockWait& report);
  [[nodiscard]] Status lock_named_file(BlobUpdate& update, BoundedWait& wait);
  [[nodiscard]] Status find_state_page();
  [[nodiscard]] Status settle_state_page();

  std::string path_;
  std::string state_path_;
  BlobWriterOptions options_;
  ProcessMark process_;
  OpenFile known_;  // the file of the last update, on a description of its own
  std::shared_ptr<StatePageWriter> state_;
};

}  // namespace extreq::lease
