// A test's own HTTP connection to 127.0.0.1, which sends whatever bytes it likes.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unique_fd.hpp"

namespace extreq::host {

inline UniqueFd connect_to_loopback(int port) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  static_assert(sizeof(generic) == sizeof(address));
  std::memcpy(&generic, &address, sizeof(address));
  EXPECT_EQ(::connect(socket.get(), &generic, sizeof(generic)), 0);
  return socket;
}

// Headers, and as much body as they announce.
inline bool is_whole_http_answer(std::string_view answer) {
  const auto headers = answer.find("\r\n\r\n");
  if (headers == std::string_view::npos) return false;
  constexpr std::string_view field = "Content-Length: ";
  const auto length = answer.find(field);
  if (length == std::string_view::npos || length > headers) return true;
  const std::size_t body = std::stoul(std::string(answer.substr(length + field.size(), 10)));
  return answer.size() - headers - 4 >= body;
}

// Sends each part once the whole answer to the one before has come. All that comes until the
// server closes the connection.
inline std::string talk_http(int port, const std::vector<std::string>& parts) {
  const UniqueFd socket = connect_to_loopback(port);
  std::string answer;
  std::array<char, 4096> piece{};
  ssize_t got = 1;
  const auto receive = [&] {
    got = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (got > 0) answer.append(piece.data(), static_cast<std::size_t>(got));
  };
  for (const std::string& part : parts) {
    // Closed already: the answers so far tell.
    if (::send(socket.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) break;
    const std::size_t before = answer.size();
    do {
      receive();
    } while (got > 0 && !is_whole_http_answer(std::string_view(answer).substr(before)));
  }
  while (got > 0) receive();
  return answer;
}

}  // namespace extreq::host
