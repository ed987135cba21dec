// HttpListener: where an httplib::Server listens, and the thread in which it does.
//
// The port is this server's alone: httplib's own options (SO_REUSEPORT) would let a second server
// have it too, and a part of the connections. So many connections are served at a time, each by a
// thread; who finds none free waits in the kernel's backlog (bounded_threads.hpp).
//
// Lifetime: `server` and all that its handlers use must outlive it: the last member of its owner.
// Threading: one thread starts and destroys it.
#pragma once

#include <string>
#include <thread>

#include "base/result.hpp"

namespace httplib {
class Server;
}

namespace extreq::host {

class HttpListener {
 public:
  HttpListener(httplib::Server& server, unsigned connections);
  // No new connection; the requests under way are answered.
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;
  HttpListener(HttpListener&&) = delete;
  HttpListener& operator=(HttpListener&&) = delete;

  // Effect: binds, and answers from now on. Once. `port` 0: a free one.
  // Failure: io if the address cannot be had.
  [[nodiscard]] Status start(const std::string& address, int port);

  // Where it listens; -1 before it does.
  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  httplib::Server& server_;
  std::thread thread_;
  int port_ = -1;
};

}  // namespace extreq::host
