#include "lease/process_mark.hpp"

#include <atomic>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

namespace extreq::lease {
namespace {

using Epoch = std::atomic<std::uint64_t>;
static_assert(Epoch::is_always_lock_free);

// The epoch of this process: 0 until its first mark, and again in each forked child. Nullptr if
// this kernel cannot wipe a page on fork. The page lives as long as the process.
Epoch* wiped_on_fork() noexcept {
  static Epoch* const page = []() -> Epoch* {
    const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (::madvise(memory, size, MADV_WIPEONFORK) != 0) {
      ::munmap(memory, size);
      return nullptr;
    }
    return new (memory) Epoch(0);  // NOLINT(cppcoreguidelines-owning-memory): placed, not owned
  }();
  return page;
}

// Ordinary memory, so a child goes on from the parent's value: an epoch is never given twice along
// a line of descent.
Epoch last_epoch{0};

}  // namespace

ProcessMark::ProcessMark() noexcept {
  Epoch* const current = wiped_on_fork();
  if (current == nullptr) {
    pid_ = ::getpid();
    return;
  }
  epoch_ = current->load();
  if (epoch_ != 0) return;
  const std::uint64_t fresh = ++last_epoch;
  if (current->compare_exchange_strong(epoch_, fresh)) epoch_ = fresh;
}

bool ProcessMark::here() const noexcept {
  if (epoch_ == 0) return ::getpid() == pid_;
  return wiped_on_fork()->load(std::memory_order_relaxed) == epoch_;
}

}  // namespace extreq::lease
