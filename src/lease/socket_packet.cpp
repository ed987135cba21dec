#include "lease/socket_packet.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/try.hpp"

namespace extreq::lease {
namespace {

// A connect() that finds the queue full fails at once, so a burst of VMs must fit.
constexpr int listen_backlog = 512;

// Linux, include/uapi/asm-generic/socket.h (6.16), which distributions' headers do not have yet.
constexpr int so_passrights = 83;

using ControlBuffer = std::array<char, CMSG_SPACE(sizeof(int) * packet_descriptors_max)>;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(Code::invalid_input, "{}: a socket's path has 1 to {} bytes, this one {}", path,
                sizeof(address.sun_path) - 1, path.size());
  }
  std::copy(path.begin(), path.end(), std::begin(address.sun_path));
  return address;
}

Result<UniqueFd> new_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno("a Unix socket");
  return fd;
}

// The sockets API takes every address through one type.
const sockaddr* generic(const sockaddr_un& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

}  // namespace

int send_packet(int socket, ByteView bytes, std::span<const int> descriptors) noexcept {
  iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? errno : 0;
}

int receive_packet(int socket, MutableByteView buffer, Packet& packet) noexcept {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received < 0) return errno;
  packet.size = static_cast<std::size_t>(received);
  packet.cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  std::size_t count = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t bytes = header->cmsg_len - CMSG_LEN(0);
    for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + at, sizeof(fd));
      if (count < packet.descriptors.size()) {
        packet.descriptors.at(count++).reset(fd);
      } else {
        ::close(fd);
        packet.cut = true;
      }
    }
  }
  return 0;
}

int receive_bytes(int socket, MutableByteView buffer, std::size_t& size) noexcept {
  const ssize_t received = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (received < 0) return errno;
  size = static_cast<std::size_t>(received);
  return 0;
}

Result<UniqueFd> connect_to(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const sockaddr_un address, address_of(path));
  EXTREQ_TRY_ASSIGN(UniqueFd fd, new_socket());
  if (::connect(fd.get(), generic(address), sizeof(address)) != 0) {
    return fail_errno("connect to {}", path);
  }
  return fd;
}

Result<UniqueFd> listen_at(const std::string& path, unsigned mode) {
  EXTREQ_TRY_ASSIGN(const sockaddr_un address, address_of(path));
  EXTREQ_TRY_ASSIGN(UniqueFd fd, new_socket());
  if (::bind(fd.get(), generic(address), sizeof(address)) != 0) {
    if (errno != EADDRINUSE) return fail_errno("bind {}", path);
    const auto answering = connect_to(path);
    if (answering || answering.error().code == Code::busy) {
      return fail(Code::busy, "{}: another service answers there already", path);
    }
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) {
      return fail(Code::invalid_input, "{}: there is something that is no socket", path);
    }
    ::unlink(path.c_str());
    if (::bind(fd.get(), generic(address), sizeof(address)) != 0) {
      return fail_errno("bind {}", path);
    }
  }
  if (::chmod(path.c_str(), mode) != 0) return fail_errno("chmod {}", path);
  // Connections inherit it. An older kernel does not know it: receive_bytes() is then alone.
  const int no = 0;
  static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, so_passrights, &no, sizeof(no)));
  if (::listen(fd.get(), listen_backlog) != 0) return fail_errno("listen at {}", path);
  return fd;
}

}  // namespace extreq::lease
