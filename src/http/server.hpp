// Server: HTTP/1.1 (RFC 9112) for short requests from peers that nobody trusts; over libmicrohttpd.
//
// One thread serves all connections and never waits for a peer or for the handler; what may take
// time runs in worker threads. Requests on one connection are answered in their order, also if
// several are sent at once.
//
// Bounds: - memory: 8 KiB for each connection; a request line and headers that do not fit end it;
//         - time: `request_time` from the connection's start or the answer before until a request
//         is
//           there whole, and as long until its answer is sent. Each byte counts toward one
//           deadline; libmicrohttpd's own limit is for silence only, and is off;
//         - bodies: only of POST, only with one Content-Length of at most `body_max`. What follows
//         a
//           refused body is never taken for a request: the connection ends;
//         - connections: `connections_max` and twice the threads in all, three quarters of that for
//           one address. More are closed, or wait in the kernel's backlog;
//         - work: twice the threads of requests that are answered or queued; more get 503 at once.
//
// Lifetime: the handler and the clock must outlive it. Threading: one thread starts and destroys
// it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace extreq::http {

inline constexpr Clock::Duration request_time = std::chrono::seconds(10);
inline constexpr unsigned connections_max = 512;

class Handler {
 public:
  virtual ~Handler() = default;
  // Called when the headers are there, before any body: an answer that needs no wait, or nothing.
  // On the server's own thread: must not block.
  [[nodiscard]] virtual std::optional<Response> at_once(const Request& request) = 0;
  // In a worker's thread; several at a time.
  [[nodiscard]] virtual Response answer(const Request& request) = 0;
  // From now on answer() returns soon, also where it runs now.
  virtual void stop() = 0;
};

class Server {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    int port = 0;              // 0: a free one
    unsigned threads = 16;     // requests that are answered at a time
    std::size_t body_max = 0;  // 0: no POST
    Clock* clock = &system_clock();
  };

  // Effect: listens, and answers until it is destroyed.
  // Failure: io if it cannot listen there, or the system has no more threads.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(Handler& handler,
                                                             const Options& options);
  // Effect: no new connection; who is in answer() gets its answer, if that comes within half a
  // second; all connections are closed then. Returns once answer() has returned everywhere.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;

  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  class Loop;
  Server(std::unique_ptr<Loop> loop, int port);

  std::unique_ptr<Loop> loop_;
  int port_;
};

}  // namespace extreq::http
