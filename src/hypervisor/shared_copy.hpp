// Copies from and to memory that a guest may change at any moment.
//
// Effect: each byte is loaded or stored exactly once, with relaxed atomic accesses, so that a
// concurrent guest gives a mixture of old and new bytes but never undefined behaviour. Eight
// aligned bytes are one access.
// Failure: none; the caller has checked the range.
// Threading: any thread, against any number of others that use these functions or atomics.
#pragma once

#include "base/bytes.hpp"

namespace extreq::hypervisor {

// Reads to.size() bytes at `from`.
void copy_from_shared(MutableByteView to, const std::uint8_t* from) noexcept;

// Writes from.size() bytes at `to`.
void copy_to_shared(std::uint8_t* to, ByteView from) noexcept;

}  // namespace extreq::hypervisor
