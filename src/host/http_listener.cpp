#include "host/http_listener.hpp"

#include <httplib.h>

#include "host/bounded_threads.hpp"

namespace extreq::host {
namespace {

void keep_port(socket_t socket) noexcept {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

}  // namespace

HttpListener::HttpListener(httplib::Server& server, unsigned connections) : server_(server) {
  server_.new_task_queue = [connections] {
    return new BoundedThreads(connections);  // NOLINT: the server deletes it
  };
  server_.set_socket_options(keep_port);
  server_.set_tcp_nodelay(true);
}

HttpListener::~HttpListener() {
  server_.stop();
  if (thread_.joinable()) thread_.join();
}

Status HttpListener::start(const std::string& address, int port) {
  if (port == 0) {
    port_ = server_.bind_to_any_port(address);
  } else if (server_.bind_to_port(address, port)) {
    port_ = port;
  }
  if (port_ < 0) return fail(Code::io, "cannot listen on {}:{}: is it taken?", address, port);
  thread_ = std::thread([this] { server_.listen_after_bind(); });
  while (!server_.is_running()) std::this_thread::yield();  // stop() needs the loop
  return {};
}

}  // namespace extreq::host
