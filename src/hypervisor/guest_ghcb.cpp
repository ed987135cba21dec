#include "hypervisor/guest_ghcb.hpp"

#include <array>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "hypervisor/shared_copy.hpp"

namespace extreq::hypervisor {

using abi::ghcb::Page;

void GuestGhcb::begin(std::uint64_t exit_code, std::uint64_t exit_info_1,
                      std::uint64_t exit_info_2) {
  constexpr std::array<std::uint8_t, abi::ghcb::page_size> zeros{};
  write(0, zeros);
  ByteBuilder version(2);
  version.u16(abi::ghcb::protocol_version_max);
  write(offsetof(Page, protocol_version), version.view());
  ByteBuilder usage(4);
  usage.u32(abi::ghcb::usage_standard);
  write(offsetof(Page, usage), usage.view());
  set(offsetof(Page, sw_exitcode), exit_code);
  set(offsetof(Page, sw_exitinfo1), exit_info_1);
  set(offsetof(Page, sw_exitinfo2), exit_info_2);
}

void GuestGhcb::set(std::size_t field, std::uint64_t value) {
  ByteBuilder bytes(8);
  bytes.u64(value);
  write(field, bytes.view());
  abi::ghcb::ValidBitmap bitmap = valid_bitmap();
  abi::ghcb::mark_valid(bitmap, field);
  write(offsetof(Page, valid_bitmap), bitmap);
}

void GuestGhcb::mark_invalid(std::size_t field) {
  abi::ghcb::ValidBitmap bitmap = valid_bitmap();
  const std::size_t bit = abi::ghcb::valid_bit(field);
  bitmap.at(bit / 8) = static_cast<std::uint8_t>(bitmap.at(bit / 8) & ~(1U << (bit % 8)));
  write(offsetof(Page, valid_bitmap), bitmap);
}

void GuestGhcb::write(std::size_t offset, ByteView bytes) {
  copy_to_shared(page_.subspan(offset, bytes.size()).data(), bytes);
}

std::uint64_t GuestGhcb::get(std::size_t field) const {
  std::array<std::uint8_t, 8> bytes{};
  copy_from_shared(bytes, page_.subspan(field, bytes.size()).data());
  return ByteReader(bytes).u64().value_or(0);
}

abi::ghcb::ValidBitmap GuestGhcb::valid_bitmap() const {
  abi::ghcb::ValidBitmap bitmap{};
  copy_from_shared(bitmap, page_.subspan(offsetof(Page, valid_bitmap), bitmap.size()).data());
  return bitmap;
}

bool GuestGhcb::is_valid(std::size_t field) const {
  return abi::ghcb::is_valid(valid_bitmap(), field);
}

}  // namespace extreq::hypervisor
