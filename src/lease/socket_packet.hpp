// Packets with descriptors over a Unix socket: sendmsg and recvmsg, with the ownership of what
// comes along made plain.
//
// Threading: one thread at a time for each socket.
#pragma once

#include <array>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace extreq::lease {

inline constexpr std::size_t packet_descriptors_max = 2;

struct Packet {
  std::size_t size = 0;  // of the buffer given; 0: the peer is gone
  bool cut = false;      // it was longer than the buffer, or brought more descriptors than that
  std::array<UniqueFd, packet_descriptors_max> descriptors;  // those that came, first ones first
};

// Sends the whole packet or nothing, without waiting and without SIGPIPE. 0 or errno.
[[nodiscard]] int send_packet(int socket, ByteView bytes,
                              std::span<const int> descriptors) noexcept;

// Receives one packet that is there, without waiting. 0 or errno.
[[nodiscard]] int receive_packet(int socket, MutableByteView buffer, Packet& packet) noexcept;

// Connects a new packet socket to the path. Failure: invalid_input for a path that is too long;
// not_found, busy, io.
[[nodiscard]] Result<UniqueFd> connect_to(const std::string& path);

// A packet socket that listens at the path, which gets `mode`. A socket that a dead process left
// there is replaced. Failure: as connect_to(); busy if somebody answers there.
[[nodiscard]] Result<UniqueFd> listen_at(const std::string& path, unsigned mode);

}  // namespace extreq::lease
