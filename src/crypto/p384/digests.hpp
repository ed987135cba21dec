// sha384_of_each: the digests of many messages, eight at once where the CPU can.
//
// Threading: a pure function.
#pragma once

#include <span>
#include <vector>

#include "crypto/hash.hpp"

namespace extreq::crypto::p384 {

// What sha384() says to each message, in their order. Neighbours of one size, in eights, cost
// least.
[[nodiscard]] std::vector<Sha384Digest> sha384_of_each(std::span<const ByteView> messages);

}  // namespace extreq::crypto::p384
