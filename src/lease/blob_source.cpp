#include "lease/blob_source.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/try.hpp"
#include "lease/blob_file.hpp"
#include "lease/bounded_wait.hpp"
#include "lease/ofd_lock.hpp"
#include "lease/state_page.hpp"

namespace extreq::lease {
namespace {

// How often the path may name another file than the one just locked, within one acquire().
constexpr int reopen_limit = 16;

// How often a holder looks for a state page that was not there, or was replaced.
constexpr Clock::Duration state_page_look_interval = std::chrono::seconds(1);

class LockedBlob final : public BlobHolder {
 public:
  LockedBlob(std::string path, const BlobSourceOptions& options)
      : path_(std::move(path)),
        state_path_(state_page_path(path_)),
        options_(options),
        table_(options.size_limit) {}

  // Failure: as of open_file().
  [[nodiscard]] Status open() {
    EXTREQ_TRY_ASSIGN(file_, open_file(path_, Access::read));
    return {};
  }

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration max_wait) override {
    if (!process_.here()) {
      return fail(Code::closed, "{}: this process was forked from the one that opened it", path_);
    }
    if (lock_.held()) return fail(Code::invalid_input, "{}: a lease is held already", path_);
    BoundedWait wait(*options_.clock, max_wait);
    stay_back_for_writer(wait);
    for (int attempt = 0; attempt < reopen_limit; ++attempt) {
      if (!file_.fd) EXTREQ_TRY(open());
      const int error_number = lock_.lock(file_.fd.get(), LockMode::shared, wait);
      if (error_number != 0) {
        return tl::unexpected(OfdLock::error(error_number, LockMode::shared, path_));
      }
      if (const auto kept = kept_copy()) return *kept;
      FileStatus now;
      const int status_error = file_status(path_, now);
      if (status_error == 0 && now.identity == file_.identity) {
        auto table = read_table(now.size);
        if (!table) lock_.unlock();
        return table;
      }
      lock_.unlock();
      file_.fd.reset();
      if (status_error != 0 && status_error != ENOENT) {
        errno = status_error;
        return fail_errno("stat {}", path_);
      }
    }
    return fail(Code::busy, "{}: replaced {} times while it was being locked", path_, reopen_limit);
  }

  void release() noexcept override { lock_.unlock(); }

  [[nodiscard]] bool held() const noexcept override { return lock_.held(); }

  [[nodiscard]] int lock_descriptor() const noexcept override { return file_.fd.get(); }

  void leave() noexcept override {
    lock_.leave();
    file_.fd.reset();
  }

 private:
  void stay_back_for_writer(const BoundedWait& whole) noexcept {
    if (!state_) return;
    Clock& clock = *options_.clock;
    if (state_->writer_waiting_until() <= clock.now()) return;
    BoundedWait wait(clock, std::min(whole.remaining(), options_.courtesy));
    while (state_->writer_waiting_until() > clock.now() && wait.again()) {
    }
  }

  // Under the lock: the copy of an earlier lease, if nobody has changed the table since.
  [[nodiscard]] std::optional<ByteView> kept_copy() const noexcept {
    if (!state_ || !kept_generation_ || state_->cacheable_generation() != kept_generation_) {
      return std::nullopt;
    }
    return kept_table_;
  }

  // Under the lock, of the file that the path names.
  [[nodiscard]] Result<ByteView> read_table(std::uint64_t size) {
    look_for_state_page();
    kept_generation_.reset();
    if (size > table_.size()) {
      return fail(Code::invalid_input, "{}: {} bytes, at most {} are served", path_, size,
                  table_.size());
    }
    const auto wanted = MutableByteView(table_).first(static_cast<std::size_t>(size));
    const ssize_t count = read_at_start(file_.fd.get(), wanted);
    if (count < 0) {
      errno = static_cast<int>(-count);
      return fail_errno("read {}", path_);
    }
    if (static_cast<std::size_t>(count) < wanted.size()) {
      return fail(Code::invalid_input, "{}: {} bytes, but only {} could be read: changed unlocked",
                  path_, size, count);
    }
    if (auto shape = check_table_shape(wanted); !shape) {
      return fail(shape.error().code, "{}: {}", path_, shape.error().message);
    }
    kept_table_ = is_empty_table(wanted) ? ByteView() : ByteView(wanted);
    if (state_) kept_generation_ = state_->cacheable_generation();
    return kept_table_;
  }

  // Under the lock, so that no writer is making the page.
  void look_for_state_page() {
    const Clock::TimePoint now = options_.clock->now();
    if (now < next_look_) return;
    next_look_ = now + state_page_look_interval;
    FileStatus status;
    const bool exists = file_status(state_path_, status) == 0;
    if (exists && state_ && state_->identity() == status.identity) return;
    state_.reset();
    if (exists) state_ = StatePageReader::open(state_path_);
  }

  const std::string path_;
  const std::string state_path_;
  const BlobSourceOptions options_;
  const ProcessMark process_;
  OpenFile file_;
  OfdLock lock_;  // after file_: ends before it
  std::optional<StatePageReader> state_;
  Clock::TimePoint next_look_ = Clock::TimePoint::min();
  Bytes table_;                                   // size_limit bytes
  ByteView kept_table_;                           // of table_
  std::optional<std::uint64_t> kept_generation_;  // of kept_table_
};

}  // namespace

BlobSource::BlobSource(std::string path, BlobSourceOptions options)
    : path_(std::move(path)), options_(options) {}

Result<std::unique_ptr<BlobHolder>> BlobSource::open_blob_holder() {
  auto holder = std::make_unique<LockedBlob>(path_, options_);
  if (auto opened = holder->open(); !opened && opened.error().code != Code::not_found) {
    return tl::unexpected(std::move(opened).error());
  }
  return holder;
}

Result<std::unique_ptr<Holder>> BlobSource::open_holder() {
  EXTREQ_TRY_ASSIGN(auto holder, open_blob_holder());
  return holder;
}

}  // namespace extreq::lease
