#include "fleet/pipelining_server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace extreq::fleet {
namespace {

constexpr std::chrono::milliseconds glance(50);  // how late a stop may be seen

class Connection final : public httplib::Stream {
 public:
  Connection(socket_t socket, std::chrono::milliseconds patience)
      : socket_(socket), patience_(patience) {}
  ~Connection() override {
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;

  // Until a request begins. False: none came, or `go_on` says no more.
  template <class GoOn>
  bool wait_for_request(const GoOn& go_on) const {
    for (auto left = patience_; go_on(); left -= glance) {
      if (has_read_ahead() || ready(POLLIN, glance)) return true;
      if (left <= glance) return false;
    }
    return false;
  }

  [[nodiscard]] bool is_readable() const override {
    return has_read_ahead() || ready(POLLIN, patience_);
  }
  [[nodiscard]] bool is_writable() const override { return ready(POLLOUT, patience_); }

  ssize_t read(char* to, size_t size) override {
    if (!has_read_ahead()) {
      if (!is_readable()) return -1;
      const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got <= 0) return got;
      at_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    const std::size_t count = std::min(size, end_ - at_);
    std::memcpy(to, buffer_.data() + at_, count);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    if (!is_writable()) return -1;
    return ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  // Nobody here asks who the peer is: before a front it is always the front.
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  [[nodiscard]] bool has_read_ahead() const noexcept { return at_ != end_; }

  [[nodiscard]] bool ready(short events, std::chrono::milliseconds wait) const {
    pollfd poller{socket_, events, 0};
    int found = -1;
    do {
      found = ::poll(&poller, 1, static_cast<int>(wait.count()));
    } while (found < 0 && errno == EINTR);
    return found > 0;
  }

  const socket_t socket_;
  const std::chrono::milliseconds patience_;
  std::array<char, 4096> buffer_{};
  std::size_t at_ = 0;  // of what was read ahead
  std::size_t end_ = 0;
};

}  // namespace

bool PipeliningServer::process_and_close_socket(socket_t socket) {
  Connection connection(socket, patience_);
  const auto running = [this] { return svr_sock_ != INVALID_SOCKET; };
  for (auto left = keep_alive_max_count_; left > 0; --left) {
    if (!connection.wait_for_request(running)) return true;
    bool closed = false;
    bool whole = false;
    const auto headers_are_read = [&](httplib::Request&) { whole = true; };
    if (!process_request(connection, left == 1, closed, headers_are_read)) return false;
    if (closed || !whole) return true;
  }
  return true;
}

}  // namespace extreq::fleet
