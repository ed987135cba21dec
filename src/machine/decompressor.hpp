// DecompressorSites: where a kernel file's own decompressor has to be helped.
//
// The decompressor starts at its load address, copies itself to the end of the memory that it was
// given and goes on there: it makes page tables, unpacks the kernel where it likes (address
// randomisation) and jumps to it. Before the copy it asks whether it is an SNP guest; after it, the
// emulator needs help with CR3: hardware walks a guest's page tables as private memory whatever CR3
// says, the emulator walks them where CR3 points.
//
// The last jump is armed late, for the pages that are stopped at run slowly and it lies beside the
// code that unpacks: the second load of an IDT after the copy comes just before it.
#pragma once

#include "machine/bzimage.hpp"
#include "machine/site_table.hpp"

namespace extreq::machine {

struct DecompressorSites {
  std::uint64_t load_address = 0;
  std::uint64_t relocated_address = 0;
  std::vector<Site> sites;  // virtual and physical address are the same
  Site jump;                // to the kernel, whose physical entry is in RAX
};

// Failure: unsupported, and which part was not found: a decompressor that works differently.
[[nodiscard]] Result<DecompressorSites> scan_decompressor(const BzImage& file);

// How far the kernel whose code `memory` begins with was moved in its virtual addresses, told by
// most of the places where it differs from `original`, the same code as it was linked to run
// between `start` and `end`. 0 if nothing differs. Failure: invalid_input if the differences are no
// such move.
[[nodiscard]] Result<std::uint64_t> virtual_move(ByteView memory, ByteView original,
                                                 std::uint64_t start, std::uint64_t end);

}  // namespace extreq::machine
