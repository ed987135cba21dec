// Where the service's metrics go: a file for node_exporter, an HTTP server, both or neither.
// Threading: one thread.
#pragma once

#include <memory>
#include <string>

#include "host/metrics.hpp"
#include "host/metrics_server.hpp"

namespace extreq::cli {

struct MetricsOptions {
  std::string file;      // empty: none
  std::string endpoint;  // empty: none
};

class MetricsOutlets {
 public:
  explicit MetricsOutlets(MetricsOptions options) : options_(std::move(options)) {}

  // Effect: the server answers from the first call on; where it does is logged.
  // Failure: only of the server's start. A file that cannot be written is logged once.
  [[nodiscard]] Status publish(const host::Metrics& metrics);

 private:
  [[nodiscard]] Status serve(const host::Metrics& metrics);

  MetricsOptions options_;
  std::unique_ptr<host::MetricsServer> server_;
  bool file_failed_ = false;
};

}  // namespace extreq::cli
