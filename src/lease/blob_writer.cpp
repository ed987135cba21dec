#include "lease/blob_writer.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/try.hpp"

namespace extreq::lease {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr int reopen_limit = 16;

// An announcement is renewed at each attempt, so every quarter of a millisecond: this long after a
// writer died waiting, readers have forgotten it.
constexpr Clock::Duration announcement = milliseconds(50);

// From here on a wait is worth a look at who holds the lock.
constexpr Clock::Duration long_wait = milliseconds(100);

constexpr std::array<std::uint8_t, empty_table_size> no_entries{};

tl::unexpected<Error> failed(int error_number, const char* what, const std::string& path) {
  errno = error_number;
  return fail_errno("{} {}", what, path);
}

}  // namespace

BlobUpdate::~BlobUpdate() {
  if (changing_) lock_.leave();
}

Status BlobUpdate::usable() const {
  if (lock_.held()) return {};
  return fail(Code::closed, "{}: this update was moved from, or is another process's", path_);
}

Result<Bytes> BlobUpdate::content() const {
  EXTREQ_TRY(usable());
  FileStatus status;
  if (const int error_number = file_status(file_.fd.get(), status); error_number != 0) {
    return failed(error_number, "stat", path_);
  }
  if (status.size > size_limit_) {
    return fail(Code::too_small, "{}: {} bytes, at most {} are read", path_, status.size,
                size_limit_);
  }
  Bytes bytes(static_cast<std::size_t>(status.size));
  const ssize_t count = read_at_start(file_.fd.get(), bytes);
  if (count < 0) return failed(static_cast<int>(-count), "read", path_);
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

Status BlobUpdate::tombstone() {
  EXTREQ_TRY(usable());
  if (changing_) return {};
  // The page first: a reader that comes after a kill must not take its copy for the file.
  if (state_) state_->begin_change();
  if (const int error_number = write_at(file_.fd.get(), 0, no_entries); error_number != 0) {
    if (state_) state_->end_change(sole_writer_);
    return failed(error_number, "write the tombstone to", path_);
  }
  changing_ = true;
  return {};
}

Status BlobUpdate::publish(ByteView table) {
  EXTREQ_TRY(usable());
  if (table.size() > size_limit_) {
    return fail(Code::too_small, "{}: a table of {} bytes, at most {} are published", path_,
                table.size(), size_limit_);
  }
  EXTREQ_TRY(check_table_shape(table));
  EXTREQ_TRY(tombstone());
  const ByteView whole = is_empty_table(table) ? ByteView(no_entries) : table;
  const int fd = file_.fd.get();
  int error_number = write_at(fd, empty_table_size, whole.subspan(empty_table_size));
  if (error_number != 0) return failed(error_number, "write the table to", path_);
  if (::ftruncate(fd, static_cast<off_t>(whole.size())) != 0) {
    return fail_errno("set the size of {}", path_);
  }
  error_number = write_at(fd, 0, whole.first(empty_table_size));
  if (error_number != 0) return failed(error_number, "write the first entry to", path_);
  changing_ = false;
  if (state_) state_->end_change(sole_writer_);
  return {};
}

BlobWriter::BlobWriter(std::string path, BlobWriterOptions options)
    : path_(std::move(path)), state_path_(state_page_path(path_)), options_(options) {}

Result<BlobUpdate> BlobWriter::begin(Clock::Duration max_wait) {
  if (!process_.here()) {
    return fail(Code::closed, "{}: this process was forked from the writer's", path_);
  }
  BlobUpdate update;
  update.path_ = path_;
  update.size_limit_ = options_.size_limit;
  update.sole_writer_ = options_.sole_writer;
  EXTREQ_TRY(find_state_page());
  BoundedWait wait(*options_.clock, max_wait);
  const Status locked = lock_named_file(update, wait);
  if (state_) state_->withdraw();
  EXTREQ_TRY(locked);
  update.wait_.waited = wait.elapsed();
  EXTREQ_TRY(settle_state_page());
  update.state_ = state_;
  return update;
}

Status BlobWriter::lock_named_file(BlobUpdate& update, BoundedWait& wait) {
  for (int attempt = 0; attempt < reopen_limit; ++attempt) {
    EXTREQ_TRY_ASSIGN(update.file_, options_.create ? open_or_create_file(path_)
                                                    : open_file(path_, Access::write));
    const bool displaced = known_.fd && known_.identity != update.file_.identity;
    // Somebody put another file in place of the one that we knew: its readers' leases still count.
    if (!displaced) {
      update.displaced_lock_.unlock();
    } else if (!update.displaced_lock_.held()) {
      EXTREQ_TRY(lock(known_, update.displaced_lock_, wait, update.wait_));
    }
    EXTREQ_TRY(lock(update.file_, update.lock_, wait, update.wait_));
    FileStatus now;
    const int error_number = file_status(path_, now);
    if (error_number == 0 && now.identity == update.file_.identity) {
      if (displaced) update.displaced_ = std::exchange(known_, {});
      if (!known_.fd) {
        EXTREQ_TRY_ASSIGN(known_, open_file(path_, Access::write));
      }
      return {};
    }
    if (error_number != 0 && error_number != ENOENT) return failed(error_number, "stat", path_);
    update.lock_.unlock();
  }
  return fail(Code::busy, "{}: replaced {} times while it was being locked", path_, reopen_limit);
}

Status BlobWriter::lock(const OpenFile& file, OfdLock& lock, BoundedWait& wait, LockWait& report) {
  for (;;) {
    const int error_number = lock.try_lock(file.fd.get(), LockMode::exclusive);
    if (error_number == 0) return {};
    if (error_number != EAGAIN) {
      return tl::unexpected(OfdLock::error(error_number, LockMode::exclusive, path_));
    }
    if (state_) state_->announce(options_.clock->now() + announcement);
    if (report.holders.empty() && wait.elapsed() >= long_wait) {
      report.holders = find_lock_holders(file.identity);
    }
    if (wait.again()) continue;
    return fail(Code::busy, "{}: the exclusive lock could not be had within {} ms; held by {}",
                path_, duration_cast<milliseconds>(wait.elapsed()).count(),
                describe(find_lock_holders(file.identity)));
  }
}

// Before the lock, to be able to announce. A page that is not there or not whole is for later.
Status BlobWriter::find_state_page() {
  if (state_) return {};
  auto page = StatePageWriter::open(state_path_);
  if (page) {
    state_ = std::make_shared<StatePageWriter>(*std::move(page));
  } else if (page.error().code != Code::not_found && page.error().code != Code::invalid_input) {
    return tl::unexpected(std::move(page).error());
  }
  return {};
}

// Under the lock: the page that the path names is the one that we keep.
Status BlobWriter::settle_state_page() {
  FileStatus status;
  const int error_number = file_status(state_path_, status);
  if (error_number == 0 && state_ && state_->identity() == status.identity) return {};
  if (state_) {
    state_->begin_change();  // for good: who still maps the old page keeps no copy any more
    state_.reset();
  }
  EXTREQ_TRY(find_state_page());
  if (state_) return {};
  auto page = StatePageWriter::create(state_path_);
  if (page) {
    state_ = std::make_shared<StatePageWriter>(*std::move(page));
    return {};
  }
  // Without a page, or with the stump of one that a full disk left, readers do without. With one
  // that we cannot write to they might trust what we cannot take back.
  const int now = file_status(state_path_, status);
  if (now == ENOENT || (now == 0 && status.size < StatePageLayout::size)) return {};
  return tl::unexpected(std::move(page).error());
}

}  // namespace extreq::lease
