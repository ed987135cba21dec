#include "lease/memory_source.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/try.hpp"

namespace extreq::lease {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

// So that "for ever" does not wrap around when it is added to the present.
constexpr Clock::Duration longest_wait = std::chrono::hours(24 * 365);

}  // namespace

class MemorySource::MemoryHolder final : public Holder {
 public:
  explicit MemoryHolder(MemorySource& source) noexcept : source_(source) {}
  ~MemoryHolder() override { MemoryHolder::release(); }
  MemoryHolder(const MemoryHolder&) = delete;
  MemoryHolder& operator=(const MemoryHolder&) = delete;
  MemoryHolder(MemoryHolder&&) = delete;
  MemoryHolder& operator=(MemoryHolder&&) = delete;

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration max_wait) override {
    if (!source_.process_.here()) {
      return fail(Code::closed, "certificates in memory: this process was forked from their owner");
    }
    if (held_) return fail(Code::invalid_input, "certificates in memory: a lease is held already");
    EXTREQ_TRY(source_.lock_shared(max_wait));
    held_ = true;
    return ByteView(source_.table_);
  }

  void release() noexcept override {
    if (held()) source_.unlock_shared();
    held_ = false;
  }

  [[nodiscard]] bool held() const noexcept override { return held_ && source_.process_.here(); }

 private:
  MemorySource& source_;
  bool held_ = false;
};

MemorySource::MemorySource(Bytes table) : table_(std::move(table)) {}

Result<std::unique_ptr<Holder>> MemorySource::open_holder() {
  return std::make_unique<MemoryHolder>(*this);
}

Status MemorySource::lock_shared(Clock::Duration max_wait) {
  std::unique_lock lock(mutex_);
  const bool free = changed_.wait_for(lock, std::min(max_wait, longest_wait),
                                      [this] { return !writer_ && writers_waiting_ == 0; });
  if (!free) {
    return fail(Code::busy, "certificates in memory: an update is under way since more than {} ms",
                duration_cast<milliseconds>(max_wait).count());
  }
  ++leases_;
  return {};
}

void MemorySource::unlock_shared() noexcept {
  const std::lock_guard lock(mutex_);
  --leases_;
  if (leases_ == 0) changed_.notify_all();
}

Result<MemorySource::Exclusive> MemorySource::exclusive(Clock::Duration max_wait) {
  if (!process_.here()) {
    return fail(Code::closed, "certificates in memory: this process was forked from their owner");
  }
  std::unique_lock lock(mutex_);
  ++writers_waiting_;
  const bool free = changed_.wait_for(lock, std::min(max_wait, longest_wait),
                                      [this] { return !writer_ && leases_ == 0; });
  --writers_waiting_;
  if (!free) {
    changed_.notify_all();
    return fail(Code::busy, "certificates in memory: {} leases held, {} update, after {} ms",
                leases_, writer_ ? "another" : "no other",
                duration_cast<milliseconds>(max_wait).count());
  }
  writer_ = true;
  table_.clear();
  return Exclusive(*this);
}

Status MemorySource::replace(Bytes table, Clock::Duration max_wait) {
  EXTREQ_TRY_ASSIGN(Exclusive section, exclusive(max_wait));
  section.publish(std::move(table));
  return {};
}

void MemorySource::unlock_exclusive() noexcept {
  const std::lock_guard lock(mutex_);
  writer_ = false;
  changed_.notify_all();
}

MemorySource::Exclusive::Exclusive(Exclusive&& other) noexcept
    : source_(std::exchange(other.source_, nullptr)) {}

MemorySource::Exclusive::~Exclusive() {
  if (source_ != nullptr && source_->process_.here()) source_->unlock_exclusive();
}

void MemorySource::Exclusive::publish(Bytes table) {
  if (source_->process_.here()) source_->table_ = std::move(table);
}

}  // namespace extreq::lease
