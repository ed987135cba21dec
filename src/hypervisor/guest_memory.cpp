#include "hypervisor/guest_memory.hpp"

#include <algorithm>
#include <limits>

#include "base/try.hpp"
#include "hypervisor/shared_copy.hpp"

namespace extreq::hypervisor {
namespace {

constexpr std::uint64_t address_max = std::numeric_limits<std::uint64_t>::max();

[[nodiscard]] constexpr bool is_page_aligned(std::uint64_t value) noexcept {
  return value % guest_page_size == 0;
}

// The last byte of the range lies beyond the end of the address space.
[[nodiscard]] constexpr bool wraps(std::uint64_t gpa, std::uint64_t length) noexcept {
  return length != 0 && length - 1 > address_max - gpa;
}

}  // namespace

Status GuestMemory::add_region(std::uint64_t gpa, MutableByteView bytes, PageState initial) {
  if (bytes.empty() || !is_page_aligned(gpa) || !is_page_aligned(bytes.size())) {
    return fail(
        Code::invalid_input,
        "guest memory region at {:#x} of {:#x} bytes: both must be multiples of {}, and the "
        "size not zero",
        gpa, bytes.size(), guest_page_size);
  }
  if (wraps(gpa, bytes.size())) {
    return fail(Code::invalid_input, "guest memory region at {:#x} of {:#x} bytes wraps around",
                gpa, bytes.size());
  }
  const auto after = std::upper_bound(
      regions_.begin(), regions_.end(), gpa,
      [](std::uint64_t value, const Region& region) { return value < region.gpa; });
  const std::uint64_t last = gpa + (bytes.size() - 1);
  const bool overlaps_next = after != regions_.end() && after->gpa <= last;
  if (overlaps_next || find(gpa) != nullptr) {
    return fail(Code::invalid_input, "guest memory region {:#x}..{:#x} overlaps another one", gpa,
                last);
  }
  const std::size_t pages = bytes.size() / guest_page_size;
  Region region{gpa, bytes, std::make_unique<std::atomic<PageState>[]>(pages)};
  for (std::size_t page = 0; page < pages; ++page) region.states[page] = initial;
  regions_.insert(after, std::move(region));
  return {};
}

const GuestMemory::Region* GuestMemory::find(std::uint64_t gpa) const noexcept {
  const auto after = std::upper_bound(
      regions_.begin(), regions_.end(), gpa,
      [](std::uint64_t value, const Region& region) { return value < region.gpa; });
  if (after == regions_.begin()) return nullptr;
  const Region& region = *std::prev(after);
  return gpa - region.gpa < region.bytes.size() ? &region : nullptr;
}

PageState GuestMemory::state(std::uint64_t gpa) const noexcept {
  const Region* region = find(gpa);
  if (region == nullptr) return PageState::unmapped;
  return region->states[(gpa - region->gpa) / guest_page_size].load(std::memory_order_acquire);
}

Status GuestMemory::set_state(std::uint64_t gpa, std::uint64_t pages, PageState state) {
  if (!is_page_aligned(gpa)) {
    return fail(Code::invalid_input, "page state of {:#x}: not a multiple of {}", gpa,
                guest_page_size);
  }
  if (pages > address_max / guest_page_size || wraps(gpa, pages * guest_page_size)) {
    return fail(Code::not_found, "page state of {} pages from {:#x}: the range wraps around", pages,
                gpa);
  }
  const std::uint64_t length = pages * guest_page_size;
  // First all of them are looked up, region by region: the work is bounded by what is mapped.
  for (std::uint64_t done = 0; done < length;) {
    const Region* region = find(gpa + done);
    if (region == nullptr) {
      return fail(Code::not_found, "page state of {} pages from {:#x}: {:#x} is in no region",
                  pages, gpa, gpa + done);
    }
    done += region->bytes.size() - (gpa + done - region->gpa);
  }
  for (std::uint64_t done = 0; done < length; done += guest_page_size) {
    const Region* region = find(gpa + done);
    region->states[(gpa + done - region->gpa) / guest_page_size].store(state,
                                                                       std::memory_order_release);
  }
  return {};
}

Status GuestMemory::check(std::uint64_t gpa, std::uint64_t length) const {
  if (wraps(gpa, length)) {
    return fail(Code::not_found, "guest memory {:#x}, {:#x} bytes: the range wraps around", gpa,
                length);
  }
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t at = gpa + done;
    switch (state(at)) {
      case PageState::shared:
        break;
      case PageState::private_page:
        return fail(
            Code::invalid_input,
            "guest memory {:#x}, {:#x} bytes: the page of {:#x} is private, a shared one is "
            "needed",
            gpa, length, at);
      case PageState::unmapped:
        return fail(Code::not_found,
                    "guest memory {:#x}, {:#x} bytes: the page of {:#x} is not mapped", gpa, length,
                    at);
    }
    done += guest_page_size - at % guest_page_size;
  }
  return {};
}

template <class Each>
void GuestMemory::for_each_part(std::uint64_t gpa, std::uint64_t length, Each each) const {
  for (std::uint64_t done = 0; done < length;) {
    const Region* region = find(gpa + done);
    const std::uint64_t offset = gpa + done - region->gpa;
    const std::uint64_t part = std::min(length - done, region->bytes.size() - offset);
    each(region->bytes.data() + offset, done, part);
    done += part;
  }
}

void GuestMemory::notify(std::uint64_t gpa, std::size_t length, AccessObserver::Kind kind) const {
  if (AccessObserver* observer = observer_.load(std::memory_order_acquire); observer != nullptr) {
    observer->accessed(gpa, length, kind);
  }
}

Status GuestMemory::read(std::uint64_t gpa, MutableByteView to) const {
  EXTREQ_TRY(check(gpa, to.size()));
  for_each_part(gpa, to.size(),
                [&](const std::uint8_t* host, std::size_t offset, std::size_t size) {
                  copy_from_shared(to.subspan(offset, size), host);
                });
  notify(gpa, to.size(), AccessObserver::Kind::read);
  return {};
}

Status GuestMemory::write(std::uint64_t gpa, ByteView from) {
  EXTREQ_TRY(check(gpa, from.size()));
  for_each_part(gpa, from.size(), [&](std::uint8_t* host, std::size_t offset, std::size_t size) {
    copy_to_shared(host, from.subspan(offset, size));
  });
  notify(gpa, from.size(), AccessObserver::Kind::write);
  return {};
}

}  // namespace extreq::hypervisor
