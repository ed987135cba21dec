// The messages between the host service and a VMM that may not open files (doc/socket.md).
//
// A Unix socket of packets (SOCK_SEQPACKET). The client asks, the service answers; one lease at a
// time for each connection, and the end of the connection ends the lease.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "abi/little_endian.hpp"
#include "base/result.hpp"

namespace extreq::lease::socket_protocol {

inline constexpr std::uint32_t version = 1;

enum class Operation : std::uint32_t {
  acquire = 1,
  release = 2,  // not answered
};

struct Request {          // offset
  abi::Le32 version;      //  0x00
  abi::Le32 operation;    //  0x04
  abi::Le32 max_wait_ms;  //  0x08   of acquire; otherwise 0
  abi::Le32 reserved;     //  0x0C   0
};
static_assert(sizeof(Request) == 0x10);

// With a granted lease come descriptors (SCM_RIGHTS): first the lock's, and, if table_attached, a
// sealed memfd with the table. Behind the answer to a refusal come up to text_max bytes of words.
struct Answer {          // offset
  abi::Le32 version;     //  0x00
  abi::Le32 result;      //  0x04   granted, or a refusal
  abi::Le32 table_size;  //  0x08   of a granted lease
  abi::Le32 flags;       //  0x0C
};
static_assert(sizeof(Answer) == 0x10);

inline constexpr std::uint32_t flag_table_attached = 1;  // otherwise the table is the last one's
inline constexpr std::uint32_t granted = 0;
inline constexpr std::size_t text_max = 240;
inline constexpr std::size_t answer_max = sizeof(Answer) + text_max;

// A refusal is 1 more than the place of its code in this order, which never changes.
[[nodiscard]] std::uint32_t refusal_of(Code code) noexcept;
// io for a number of no code.
[[nodiscard]] Code code_of(std::uint32_t refusal) noexcept;

}  // namespace extreq::lease::socket_protocol
