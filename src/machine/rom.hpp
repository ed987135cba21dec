// The emulated computer's boot ROM: 64 KiB at the reset vector.
#pragma once

#include "base/bytes.hpp"
#include "machine/entry_state.hpp"

namespace extreq::machine {

inline constexpr std::uint64_t rom_base = 0xF0000;  // where the guest sees it, without the C-bit
inline constexpr std::size_t rom_size = 0x10000;

// The image that brings a processor from reset to `entry`.
[[nodiscard]] Bytes make_rom(const EntryState& entry);

}  // namespace extreq::machine
