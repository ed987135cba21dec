// MirrorServer: a Mirror behind HTTP/1.1: the key service's paths, and beside them /healthz (the
// process lives), /readyz (it can serve), /metrics (Prometheus) and, with a ReportDesk, the hosts'
// reports (POST, host/host_report.hpp).
//
// Limits: so many threads, each serving one connection; more connections wait in the kernel's
// backlog. Header lines and targets of 8192 bytes; bodies of none, a host's report of 1024 with its
// length said; 5 s without a byte ends a connection, and so does a body that nobody wanted: what
// follows on the connection would else be taken for another request.
// TLS and client certificates are the front's (doc/fleet.md).
// Lifetime: `mirror` and `desk` must outlive it. Threading: stop() from any thread.
#pragma once

#include <memory>
#include <string>

#include "fleet/mirror.hpp"
#include "fleet/report_desk.hpp"

namespace extreq::fleet {

class MirrorServer {
 public:
  // Effect: binds and listens; answers in threads of its own until it is destroyed.
  // `port` 0: a free one. `desk` nullptr: no reports are taken.
  // Failure: io if the address cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<MirrorServer>> start(Mirror& mirror, ReportDesk* desk,
                                                                   const std::string& address,
                                                                   int port, unsigned threads);
  // Graceful: no new connection, the requests under way are answered.
  ~MirrorServer();
  MirrorServer(const MirrorServer&) = delete;
  MirrorServer& operator=(const MirrorServer&) = delete;
  MirrorServer(MirrorServer&&) = delete;
  MirrorServer& operator=(MirrorServer&&) = delete;

  [[nodiscard]] int port() const noexcept;

 private:
  class Running;
  explicit MirrorServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace extreq::fleet
