// GuestGhcb: a GHCB page from the guest's side, for scripted guests: writes requests into it and
// reads answers from it.
//
// Lifetime: the page must outlive the object. Threading: one guest thread; the hypervisor, and
// other guest threads that use shared_copy.hpp or atomics, may access the page at the same time.
#pragma once

#include <cstdint>
#include <span>

#include "abi/ghcb.hpp"
#include "base/bytes.hpp"

namespace extreq::hypervisor {

class GuestGhcb {
 public:
  // `page` is the guest's own mapping of the page at `gpa`.
  GuestGhcb(std::span<std::uint8_t, abi::ghcb::page_size> page, std::uint64_t gpa) noexcept
      : page_(page), gpa_(gpa) {}

  [[nodiscard]] std::uint64_t gpa() const noexcept { return gpa_; }

  // Zeroes the page (nothing valid), sets protocol version and usage, and, as inputs,
  // SW_EXITCODE and both SW_EXITINFO.
  void begin(std::uint64_t exit_code, std::uint64_t exit_info_1, std::uint64_t exit_info_2);

  // Writes an 8-byte field and marks it valid.
  void set(std::size_t field, std::uint64_t value);
  void mark_invalid(std::size_t field);
  // Writes bytes anywhere in the page, the valid bitmap as it is.
  void write(std::size_t offset, ByteView bytes);

  [[nodiscard]] std::uint64_t get(std::size_t field) const;
  [[nodiscard]] bool is_valid(std::size_t field) const;

 private:
  [[nodiscard]] abi::ghcb::ValidBitmap valid_bitmap() const;

  std::span<std::uint8_t, abi::ghcb::page_size> page_;
  std::uint64_t gpa_;
};

}  // namespace extreq::hypervisor
