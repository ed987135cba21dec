// What this folder knows of a certificate table (GHCB specification, "SNP Extended Guest Request";
// doc/certificate-table.md): whether there is one, and whether it is whole. What the certificates
// say is attestation's question.
#pragma once

#include <cstddef>

#include "abi/ghcb.hpp"
#include "base/bytes.hpp"

namespace extreq::lease {

// As much as Linux guests take: drivers/virt/coco/sev-guest refuses a larger buffer.
inline constexpr std::size_t table_size_limit = 4 * abi::ghcb::page_size;

// The entry of zeros that ends a table. At its start it says "no certificates".
inline constexpr std::size_t empty_table_size = abi::ghcb::certificate_table::empty_table_size;

// True for no bytes and for bytes that start with the end of the table.
[[nodiscard]] bool is_empty_table(ByteView table) noexcept;

// Whether the entries end inside the view, and each one's data lies inside it and behind them: what
// a writer who was killed half-way, and a file that is no table at all, do not have.
// Failure: invalid_input. Time is bounded by the view's size.
[[nodiscard]] Status check_table_shape(ByteView table);

}  // namespace extreq::lease
