// Packets over a Unix socket.
//
// Only the client receives descriptors, and only from the service. Closing a descriptor that a peer
// has chosen can block without end (a FUSE file's close waits for the peer's daemon), so the
// service receives bytes and nothing else. Threading: one thread at a time for each socket.
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

// Receives one packet that is there, without waiting, with its descriptors: from the service, which
// is trusted with them. 0 or errno.
[[nodiscard]] int receive_packet(int socket, MutableByteView buffer, Packet& packet) noexcept;

// Receives the bytes of one packet that is there, without waiting; what does not fit is cut off.
// Descriptors that came along are dropped in the kernel: they never get a number in this process,
// and nothing here closes them. 0 or errno; `size` 0: the peer is gone.
[[nodiscard]] int receive_bytes(int socket, MutableByteView buffer, std::size_t& size) noexcept;

// Connects a new packet socket to the path, without waiting. Failure: invalid_input for a path that
// is too long; not_found; busy if a service listens there but does not accept; io.
[[nodiscard]] Result<UniqueFd> connect_to(const std::string& path);

// A packet socket that listens at the path, which gets `mode`. Where the kernel can (Linux 6.16),
// its peers cannot send descriptors: they get EPERM. A socket that a dead process left there is
// replaced. Failure: as connect_to(); busy if somebody answers there.
[[nodiscard]] Result<UniqueFd> listen_at(const std::string& path, unsigned mode);

}  // namespace extreq::lease
