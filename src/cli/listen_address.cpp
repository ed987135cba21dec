#include "cli/listen_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace extreq::cli {
namespace {

bool is_loopback(const std::string& address) {
  constexpr unsigned class_a_shift = 24;
  in_addr ipv4{};
  if (::inet_pton(AF_INET, address.c_str(), &ipv4) == 1) {
    return ntohl(ipv4.s_addr) >> class_a_shift == IN_LOOPBACKNET;
  }
  in6_addr ipv6{};
  if (::inet_pton(AF_INET6, address.c_str(), &ipv6) == 1) return IN6_IS_ADDR_LOOPBACK(&ipv6);
  return address == "localhost";
}

}  // namespace

Status check_listen_address(const std::string& address, bool allow_remote) {
  if (allow_remote || is_loopback(address)) return {};
  return fail(Code::invalid_input,
              "--address {}: found an address that other machines may reach, expected one in "
              "127.0.0.0/8, ::1 or localhost. Put nginx in front, or allow it with --allow-remote",
              address);
}

}  // namespace extreq::cli
