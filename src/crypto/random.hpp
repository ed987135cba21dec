// Randomness of the operating system.
#pragma once

#include "base/bytes.hpp"

namespace extreq::crypto {

// Effect: fills `out` from getrandom(2), waiting at early boot until the kernel's pool is seeded.
// Failure: io if the kernel refuses; `out` is then zero: do not use it.
// Threading: any thread.
[[nodiscard]] Status random_bytes(MutableByteView out);

}  // namespace extreq::crypto
