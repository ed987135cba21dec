// The two ends that the tests of this folder let talk: keys that differ, and the firmware's end.
#pragma once

#include <algorithm>

#include "message/responder.hpp"

namespace extreq::message {

[[nodiscard]] inline Vmpck key_of(std::uint8_t fill) {
  Vmpck key;
  std::ranges::fill(key.mutable_view(), fill);
  return key;
}

// VMPCKn is key_of(n).
[[nodiscard]] inline Responder firmware(Responder::Counters counters = {}) {
  return Responder({key_of(0), key_of(1), key_of(2), key_of(3)}, counters);
}

}  // namespace extreq::message
