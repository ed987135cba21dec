// Envelope: the plain part of a guest message, and the page it travels in.
//
// Format: doc/message.md; AMD 56860, chapter "Guest Messages".
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "base/secret.hpp"

namespace extreq::message {

using Page = std::array<std::uint8_t, abi::snp::page_size>;
using PageView = std::span<const std::uint8_t, abi::snp::page_size>;
using MutablePageView = std::span<std::uint8_t, abi::snp::page_size>;
using Vmpck = Secret<abi::snp::vmpck_size>;

struct Envelope {
  abi::snp::MessageType type;
  std::uint8_t version = abi::snp::message_version_1;
  std::uint8_t vmpck = 0;   // 0..3
  std::uint64_t seqno = 0;  // never 0 on the wire
};

// Reads and checks the header of a message that is already a private copy: algorithm, header
// version and size, payload size, key number, and that every reserved byte is zero.
// Nothing in it is authentic before open() has succeeded.
// Failure: invalid_input names the field, the value found and the value wanted.
[[nodiscard]] Result<Envelope> read_envelope(PageView page);

}  // namespace extreq::message
