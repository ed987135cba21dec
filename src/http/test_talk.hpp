// A test's own HTTP connections to this machine, which send whatever bytes they like.
#pragma once

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/unique_fd.hpp"

namespace extreq::http {

inline sockaddr loopback(std::uint32_t address, int port) {
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(static_cast<std::uint16_t>(port));
  ipv4.sin_addr.s_addr = htonl(address);
  sockaddr generic{};
  static_assert(sizeof(generic) == sizeof(ipv4));
  std::memcpy(&generic, &ipv4, sizeof(ipv4));
  return generic;
}

// `from`: the peer's own address, in 127.0.0.0/8.
inline UniqueFd connect_to_loopback(int port, std::uint32_t from = INADDR_LOOPBACK) {
  UniqueFd peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr own = loopback(from, 0);
  EXPECT_EQ(::bind(peer.get(), &own, sizeof(own)), 0);
  const sockaddr server = loopback(INADDR_LOOPBACK, port);
  EXPECT_EQ(::connect(peer.get(), &server, sizeof(server)), 0);
  return peer;
}

// False: the server has closed the connection.
inline bool send_to(const UniqueFd& peer, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// What has come, at least a byte; empty: the server has closed the connection. A server that does
// neither for two minutes, however slow the machine, is a failure.
inline std::string receive_some(const UniqueFd& peer) {
  std::array<char, 4096> piece{};
  constexpr int patience_ms = 120'000;
  pollfd poller{peer.get(), POLLIN, 0};
  if (::poll(&poller, 1, patience_ms) == 0) {
    ADD_FAILURE() << "the server neither answers nor closes the connection";
    return {};
  }
  const ssize_t got = ::recv(peer.get(), piece.data(), piece.size(), 0);
  return got <= 0 ? std::string() : std::string(piece.data(), static_cast<std::size_t>(got));
}

// Until the server closes the connection.
inline std::string receive_all(const UniqueFd& peer) {
  std::string all;
  for (std::string some = receive_some(peer); !some.empty(); some = receive_some(peer)) all += some;
  return all;
}

// Something has come, or the server has closed the connection, within so long.
inline bool has_news(const UniqueFd& peer, int milliseconds) {
  pollfd poller{peer.get(), POLLIN, 0};
  return ::poll(&poller, 1, milliseconds) > 0;
}

// Headers, and as much body as they announce.
inline bool is_whole_answer(std::string_view answer) {
  const auto headers = answer.find("\r\n\r\n");
  if (headers == std::string_view::npos) return false;
  constexpr std::string_view field = "Content-Length: ";
  const auto length = answer.find(field);
  if (length == std::string_view::npos || length > headers) return true;
  const std::size_t body = std::stoul(std::string(answer.substr(length + field.size(), 10)));
  return answer.size() - headers - 4 >= body;
}

// One answer on a connection that may go on.
inline std::string receive_answer(const UniqueFd& peer) {
  std::string answer;
  while (!is_whole_answer(answer)) {
    const std::string some = receive_some(peer);
    if (some.empty()) break;
    answer += some;
  }
  return answer;
}

// Sends each part once the whole answer to the one before has come. All that comes until the
// server closes the connection.
inline std::string talk_http(int port, const std::vector<std::string>& parts) {
  const UniqueFd peer = connect_to_loopback(port);
  std::string answer;
  for (const std::string& part : parts) {
    if (!send_to(peer, part)) break;  // closed already: the answers so far tell
    const std::string one = receive_answer(peer);
    answer += one;
    if (one.empty()) break;
  }
  return answer + receive_all(peer);
}

inline std::size_t answers_in(std::string_view text) {
  constexpr std::string_view begin = "HTTP/1.1 ";
  std::size_t count = 0;
  for (auto at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace extreq::http
