// MirrorServer: a Mirror behind HTTP/1.1: the key service's paths, and beside them /healthz (the
// process lives), /readyz (it can serve), /metrics (Prometheus) and, with a ReportDesk, the hosts'
// reports (POST, host/host_report.hpp).
//
// Its bounds are those of http/server.hpp; bodies: none but a host's report of 1024 bytes. /healthz
// needs no thread and is answered also while the store hangs.
// TLS and client certificates are the front's (doc/fleet.md).
// Lifetime: `mirror` and `desk` must outlive it. Threading: one thread starts and destroys it.
#pragma once

#include <memory>
#include <string>

#include "fleet/mirror.hpp"
#include "fleet/report_desk.hpp"
#include "http/server.hpp"

namespace extreq::fleet {

class MirrorServer final : private http::Handler {
 public:
  // Effect: listens, and answers up to `threads` requests at a time until it is destroyed.
  // `port` 0: a free one. `desk` nullptr: no reports are taken.
  // Failure: io if the address is not available, or the system has no more threads.
  [[nodiscard]] static Result<std::unique_ptr<MirrorServer>> start(Mirror& mirror, ReportDesk* desk,
                                                                   const std::string& address,
                                                                   int port, unsigned threads);

  [[nodiscard]] int port() const noexcept { return server_->port(); }

 private:
  MirrorServer(Mirror& mirror, ReportDesk* desk) : mirror_(mirror), desk_(desk) {}

  std::optional<http::Response> at_once(const http::Request& request) override;
  http::Response answer(const http::Request& request) override;
  void stop() override { mirror_.stop(); }

  Mirror& mirror_;
  ReportDesk* const desk_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace extreq::fleet
