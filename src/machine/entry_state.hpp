// EntryState: the virtual processor's state when the guest's first instruction runs.
//
// One description, two users: the VMSA page, which the launch measures, and the ROM, which brings
// the emulated processor there.
#pragma once

#include "abi/x86_snp.hpp"

namespace extreq::machine {

struct EntryState {
  std::uint64_t rip = 0;
  std::uint64_t rsi = 0;
  std::uint64_t cr3 = 0;  // with the C-bit
};

// 64-bit mode with paging; general registers other than RSI are zero.
[[nodiscard]] abi::x86::Vmsa make_vmsa(const EntryState& entry);

}  // namespace extreq::machine
