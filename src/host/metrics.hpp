// Metrics of the host service in Prometheus' text format (version 0.0.4); doc/host.md lists them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "host/service.hpp"
#include "host/socket_server.hpp"

namespace extreq::host {

struct Metrics {
  const ServiceView& service;
  bool healthy = false;
  std::optional<SocketServer::Counters> socket;    // nullopt: no socket
  std::map<int, std::uint64_t> kds_status_counts;  // KdsClient::status_counts()
};

// Every line ends in a line feed. Threading: a pure function.
[[nodiscard]] std::string to_prometheus(const Metrics& metrics);

// Effect: replaces `path`, for node_exporter's textfile collector: readers see the old file or the
// new one. Failure: io, with errno's text; the old file stays.
[[nodiscard]] Status write_metrics(const std::string& path, const Metrics& metrics);

}  // namespace extreq::host
