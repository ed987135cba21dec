// What `extreq boot` brings into a guest: two static programs, part of this one.
#pragma once

#include "base/bytes.hpp"

namespace extreq::cli {

struct Payload {
  ByteView init;     // machine/payload/init.cpp
  ByteView program;  // guest_main.cpp
};

// Failure: unsupported in builds with sanitizers, which no static program can have.
[[nodiscard]] Result<Payload> guest_payload();

}  // namespace extreq::cli
