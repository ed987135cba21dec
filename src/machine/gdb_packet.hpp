// Packets of the GDB remote serial protocol (GDB manual, appendix "GDB Remote Serial Protocol").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace extreq::machine {

// $payload#checksum. The payload must not hold '$', '#', '}' or '*': commands do not.
[[nodiscard]] std::string make_packet(std::string_view payload);

// Takes a stream of bytes apart into packets. Acknowledgements between packets are dropped.
// Threading: one decoder, one thread.
class PacketDecoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }

  // The next whole packet's payload, escapes and run lengths undone; nullopt if more bytes are
  // needed.
  // Failure: invalid_input (wrong checksum, or a packet longer than any that is asked for).
  [[nodiscard]] Result<std::optional<std::string>> next();

 private:
  std::string buffer_;
};

}  // namespace extreq::machine
