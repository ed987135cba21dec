// GuestMemory: a guest-physical address space as the host sees it.
//
// Effect: regions of memory that the caller owns, each page of 4 KiB in one of three states. The
// host reads and writes shared pages only. Private memory need not be mapped at all: the bytes
// behind a private page are never touched.
// Failure: a range that wraps around or touches an unmapped page is Code::not_found, one that
// touches a private page (and no unmapped one before it) is Code::invalid_input; nothing is copied
// then. The message names the range and the page.
// Lifetime: the bytes of the regions must outlive the object.
// Threading: regions are added before any other thread uses the object. Everything else: any
// thread, while guests change the memory: see shared_copy.hpp. An access that has begun when
// set_state() is called may end after it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hpp"

namespace extreq::hypervisor {

inline constexpr std::uint64_t guest_page_size = 4096;

enum class PageState : std::uint8_t { unmapped, shared, private_page };

// Sees the host's accesses: for tests and traces. It is called by the accessing thread, for
// accesses that were allowed, after the bytes were copied. Threading: any thread, several at once.
class AccessObserver {
 public:
  enum class Kind : std::uint8_t { read, write };
  virtual ~AccessObserver() = default;
  virtual void accessed(std::uint64_t gpa, std::size_t length, Kind kind) = 0;
};

class GuestMemory {
 public:
  // `gpa` and the size must be multiples of the page size, and the region may not overlap another
  // one or wrap around; otherwise Code::invalid_input.
  [[nodiscard]] Status add_region(std::uint64_t gpa, MutableByteView bytes, PageState initial);

  // Changes `pages` pages from `gpa` (page aligned, else Code::invalid_input) on. Pages of no
  // region are Code::not_found: nothing is changed then.
  [[nodiscard]] Status set_state(std::uint64_t gpa, std::uint64_t pages, PageState state);

  // The state of the page that holds `gpa`; unmapped for one of no region.
  [[nodiscard]] PageState state(std::uint64_t gpa) const noexcept;

  // Whether the host may access the range now. A range of no bytes is always allowed.
  [[nodiscard]] Status check(std::uint64_t gpa, std::uint64_t length) const;

  [[nodiscard]] Status read(std::uint64_t gpa, MutableByteView to) const;
  [[nodiscard]] Status write(std::uint64_t gpa, ByteView from);

  // nullptr for none. The observer must outlive the accesses.
  void set_observer(AccessObserver* observer) noexcept { observer_.store(observer); }

 private:
  struct Region {
    std::uint64_t gpa;
    MutableByteView bytes;
    std::unique_ptr<std::atomic<PageState>[]> states;  // one for each page
  };

  [[nodiscard]] const Region* find(std::uint64_t gpa) const noexcept;
  // Calls each(host memory, offset in the range, length) for the parts of an allowed range.
  template <class Each>
  void for_each_part(std::uint64_t gpa, std::uint64_t length, Each each) const;
  void notify(std::uint64_t gpa, std::size_t length, AccessObserver::Kind kind) const;

  std::vector<Region> regions_;  // by gpa
  std::atomic<AccessObserver*> observer_{nullptr};
};

}  // namespace extreq::hypervisor
