#include "http/listen_socket.hpp"

#include <cstddef>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/try.hpp"

namespace extreq::http {
namespace {

constexpr int backlog = 511;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Addresses> resolve(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  Addresses addresses(found, &::freeaddrinfo);
  if (problem != 0) {
    return fail(Code::io, "cannot listen on {}:{}: {}", address, port, ::gai_strerror(problem));
  }
  return addresses;
}

}  // namespace

Result<UniqueFd> listen_on(const std::string& address, int port) {
  EXTREQ_TRY_ASSIGN(const auto addresses, resolve(address, port));
  UniqueFd listener(::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (!listener || ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(listener.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 ||
      ::listen(listener.get(), backlog) != 0) {
    return fail_errno("cannot listen on {}:{}", address, port);
  }
  return listener;
}

Result<int> port_of(const UniqueFd& listener) {
  // An IPv6 address is cut, and has its port at the same place.
  static_assert(sizeof(sockaddr) == sizeof(sockaddr_in));
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  sockaddr generic{};
  socklen_t size = sizeof(generic);
  if (::getsockname(listener.get(), &generic, &size) != 0)
    return fail_errno("read the port of the listening socket");
  sockaddr_in address{};
  std::memcpy(&address, &generic, sizeof(address));
  return ntohs(address.sin_port);
}

}  // namespace extreq::http
