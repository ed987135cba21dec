// The frames on the control port: the guest's second serial port, between its init and us.
//
// A frame is a type, the length of its content (32 bits, little-endian), and the content. The guest
// is not trusted: it can send anything, and the host bounds what it takes. doc/machine.md has the
// conversation. The guest's init includes this header alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace extreq::machine::control {

inline constexpr std::size_t head_size = 5;
inline constexpr std::uint32_t content_max = 1U << 16U;

// From the host.
inline constexpr std::uint8_t run = 'C';    // program and arguments, each ended by a zero byte
inline constexpr std::uint8_t fetch = 'G';  // a path: send that file
inline constexpr std::uint8_t put = 'P';    // a path, a zero byte, and what to write there
inline constexpr std::uint8_t power_off = 'Q';

// From the guest.
inline constexpr std::uint8_t ready = 'R';   // init has started: text, one line for each step
inline constexpr std::uint8_t output = 'O';  // of the program that runs
inline constexpr std::uint8_t errors = 'E';
inline constexpr std::uint8_t ended = 'X';    // one byte: its exit status, 128 + n for signal n
inline constexpr std::uint8_t data = 'F';     // a part of the file; the last one is empty
inline constexpr std::uint8_t failure = 'N';  // the last request was not possible: text
inline constexpr std::uint8_t done = 'D';     // the file is there

}  // namespace extreq::machine::control
