// SocketServer: leases on the blob for VMMs that may not open files (doc/socket.md).
//
// Effect: from start() to stop() it answers at a Unix socket. Each connection has an open file
// description of its own on the blob, takes the documented lock through it when it asks for a
// lease, and gets the table as a sealed memfd and a duplicate of the locked descriptor. The lock
// ends when the client asks for it or its connection ends: a VMM that crashes holds up nobody. What
// peers send is checked; whoever breaks the protocol is disconnected. A peer never makes the
// service wait: answers that do not fit its socket disconnect it, and each peer has its own thread.
// A lease has no time limit: taking it away under a VMM would break the promise. Who holds one is
// seen in counters() and in `extreq host status`.
// Lifetime: stop() or the destructor ends all connections. Threading: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <sys/socket.h>
#include <sys/stat.h>

#include "base/unique_fd.hpp"
#include "lease/blob_source.hpp"

namespace extreq::host {

struct SocketServerOptions {
  std::string socket_path;
  std::string blob_path;
  unsigned mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP;  // of the socket: who may connect
  std::size_t clients_max = 512;
  Clock::Duration wait_max = std::chrono::seconds(10);  // whatever a client asks for
  // Who may ask; by default whoever the socket's mode lets connect.
  std::function<bool(const ucred&)> allowed = [](const ucred&) { return true; };
};

class SocketServer {
 public:
  struct Counters {
    std::uint64_t connections = 0;   // now
    std::uint64_t leases_held = 0;   // now
    std::uint64_t leases_given = 0;  // since the start, as all below
    std::uint64_t leases_refused = 0;
    std::uint64_t peers_refused = 0;  // not allowed, or too many
    std::uint64_t protocol_errors = 0;
    std::uint64_t wait_microseconds = 0;  // in all, for the lock
  };

  // Failure: as lease::listen_at().
  [[nodiscard]] static Result<std::unique_ptr<SocketServer>> start(SocketServerOptions options);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  SocketServer(SocketServer&&) = delete;
  SocketServer& operator=(SocketServer&&) = delete;

  // Ends all connections and removes the socket. Leases that clients hold go on: their duplicates
  // keep the locks.
  void stop() noexcept;

  [[nodiscard]] Counters counters() const noexcept;

 private:
  struct Client {
    std::thread thread;
    std::atomic<bool> ended{false};
  };
  struct Tally {
    std::atomic<std::uint64_t> connections{0};
    std::atomic<std::uint64_t> leases_held{0};
    std::atomic<std::uint64_t> leases_given{0};
    std::atomic<std::uint64_t> leases_refused{0};
    std::atomic<std::uint64_t> peers_refused{0};
    std::atomic<std::uint64_t> protocol_errors{0};
    std::atomic<std::uint64_t> wait_microseconds{0};
  };
  class Session;

  SocketServer(SocketServerOptions options, UniqueFd listener, UniqueFd stop_event);
  void accept_clients();
  void admit(UniqueFd socket);
  void reap() noexcept;

  const SocketServerOptions options_;
  lease::BlobSource source_;
  UniqueFd listener_;
  UniqueFd stop_event_;  // readable from stop() on
  Tally tally_;
  std::mutex mutex_;
  bool stopped_ = false;       // under mutex_
  std::list<Client> clients_;  // touched by the accepting thread, and by stop() after it
  std::thread acceptor_;
};

}  // namespace extreq::host
